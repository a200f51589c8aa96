/** A value of the text of /metrics, summed over its series, of those alone that have the label; undefined where there is none. */
export function sumOf(metrics: string, name: string, label = ''): number | undefined {
  const series = [...metrics.matchAll(new RegExp(`^${name}\\{([^}]*)\\} (\\S+)$`, 'gm'))];
  const values = series.filter(([, labels = '']) => labels.includes(label));
  return values.length === 0 ? undefined : values.reduce((sum, [, , value]) => sum + Number(value), 0);
}
