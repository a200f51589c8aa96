/** What a PromQL expression names, by Prometheus' own grammar. */
import { parser } from '@prometheus-io/lezer-promql';

export interface Named {
  readonly metrics: readonly string[];
  /** Labels in matchers and in `by`, `on` and the like. */
  readonly labels: readonly string[];
}

/** Throws when it is no PromQL. */
export function namesIn(expression: string): Named {
  const metrics = new Set<string>();
  const labels = new Set<string>();
  const text = ({ from, to }: { readonly from: number; readonly to: number }) => expression.slice(from, to);
  parser.parse(expression).iterate({
    enter(node) {
      if (node.type.isError) throw new Error(`no PromQL at ${node.from}: ${expression}`);
      if (node.name === 'LabelName') labels.add(text(node));
      if (node.name === 'Identifier' && node.node.parent?.name === 'VectorSelector') metrics.add(text(node));
    },
  });
  return { metrics: [...metrics], labels: [...labels] };
}
