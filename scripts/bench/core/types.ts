import type { BenchContext } from './context.ts';

/** A benchmark: one file in `scripts/bench/`, which exports it as `bench`. */
export interface Bench {
  /** What it compares, in one line. */
  summary: string;
  /** The plot's file in `lessons/images/`. */
  image: string;
  /** It is ended after so many seconds. */
  secondsAtMost: number;
  /** Makes its data, measures, and leaves the cleaning up to the context. */
  run(context: BenchContext): Promise<Comparison>;
}

/** Two variants, measured side by side. */
export interface Comparison {
  title: string;
  /** The names of the two; a ratio is that of the second to the first. */
  variants: [string, string];
  panels: AnyPanel[];
  /** What one has to know to read the figures: sizes of the data, query plans. */
  facts: Record<string, unknown>;
}

/** One question asked at several sizes: a table, and one half of the plot. */
interface PanelOf<Figures> {
  title: string;
  /** The names of the two, where they are not those of the comparison. */
  variants?: [string, string];
  /** What the sizes count: `people followed`. */
  size: string;
  /** The title of the plot's vertical axis. */
  axis: string;
  /** That of both axes; by default logarithmic. A linear one has a place for 0. */
  scale?: 'linear';
  rows: RowOf<Figures>[];
}

/** A question that is answered by a clock. */
export interface Panel extends PanelOf<Measurement> {
  /** The figure that is plotted and compared; the table has the others too. */
  measure: 'perSecond' | 'p50' | 'p99';
}

/** A question that is answered by counting. */
export interface CountPanel extends PanelOf<Count> {
  measure: 'amount';
  /** What is counted: `statements`, `MB`. */
  unit: string;
}

export type AnyPanel = Panel | CountPanel;

/** One size of a panel. */
interface RowOf<Figures> {
  size: number;
  first: Figures;
  second: Figures;
}

export type Row = RowOf<Measurement>;
export type CountRow = RowOf<Count>;

/** What was counted in one cell. */
export interface Count {
  amount: number;
}

/** What came of the requests of one cell. Times in milliseconds. */
export interface Measurement {
  requests: number;
  perSecond: number;
  p50: number;
  p99: number;
}

/** What is kept as JSON: the figures with what they were measured on. */
export interface KeptResult extends Comparison {
  machine: Machine;
}

/** What the figures depend on, without saying whose machine it is. */
export interface Machine {
  node: string;
  cores: number;
  platform: string;
  database: string;
  /** Server variables that decide how dear a write is. */
  databaseSettings: Record<string, string>;
}
