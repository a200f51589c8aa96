/** As far as tests look at them. */
export interface Panel {
  readonly title: string;
  readonly type: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

export const DASHBOARDS: Readonly<
  Record<
    string,
    {
      readonly panels: readonly Panel[];
      readonly annotations: { readonly list: readonly { readonly name: string; readonly expr: string }[] };
    }
  >
>;
