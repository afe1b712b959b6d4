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
  panels: Panel[];
  /** What one has to know to read the figures: sizes of the data, query plans. */
  facts: Record<string, unknown>;
}

/** One question asked at several sizes: a table, and one half of the plot. */
export interface Panel {
  title: string;
  /** The names of the two, where they are not those of the comparison. */
  variants?: [string, string];
  /** What the sizes count: `people followed`. */
  size: string;
  /** The figure that is plotted and compared; the table has the others too. */
  measure: 'perSecond' | 'p50';
  /** The title of the plot's vertical axis. */
  axis: string;
  rows: Row[];
}

/** One size of a panel. */
export interface Row {
  size: number;
  first: Measurement;
  second: Measurement;
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
