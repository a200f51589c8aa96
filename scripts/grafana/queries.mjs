// Pieces of PromQL.
/** What every query is narrowed to. */
export const HERE = 'job=~"$job",instance=~"$instance"';

/** What a counter grows a second, by these labels; `labels` are further matchers, each with a comma before it. */
export const rate = (name, by, labels = '') =>
  `sum by (${by}) (rate(${name}{${HERE}${labels}}[$__rate_interval]))`;

/** p50 and p99 of a histogram, `by` a label if given. */
export const quantiles = (name, by) => {
  const labels = by === undefined ? 'le' : `${by}, le`;
  const prefix = by === undefined ? '' : `{{${by}}} `;
  return [0.5, 0.99].map((quantile) => [
    `histogram_quantile(${quantile}, sum by (${labels}) (rate(${name}_bucket{${HERE}}[$__rate_interval])))`,
    `${prefix}p${quantile * 100}`,
  ]);
};
