import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { CourseError, ExitCode } from '../../src/core/errors.ts';
import type { Measurement } from './types.ts';

/** What the load generator is to do. */
export interface LoadOrder {
  /** The server: `http://127.0.0.1:3000`. */
  url: string;
  /** The requests of each connection, in turn; after the last comes the first again. */
  requests: LoadRequest[];
  /** In place of `requests`: those of the first connection, of the second, and so on. */
  each?: LoadRequest[][];
  /** How many requests are under way at any time. */
  connections: number;
  /** It ends after so many seconds at the latest. */
  seconds: number;
  /** It ends after so many requests; by default only by the time. */
  amount?: number;
}

/** One HTTP request. */
export interface LoadRequest {
  method: 'GET' | 'POST';
  path: string;
  headers: Record<string, string>;
  body?: string;
}

/** What came of it: the time of each request, and how long all took. */
export interface LoadReport {
  ms: number[];
  seconds: number;
  statuses: Record<string, number>;
  errors: number;
}

const PROGRAM = fileURLToPath(new URL('./load-process.ts', import.meta.url));

/**
 * Sends requests from a process of its own and waits for its end.
 *
 * @throws {CourseError} when a request failed or was not answered with 2xx: what a server that
 *   refuses can do in a second is not what is asked.
 */
export async function load(order: LoadOrder, signal: AbortSignal): Promise<LoadReport> {
  const { stdout } = await execa(process.execPath, [PROGRAM], {
    input: JSON.stringify(order),
    cancelSignal: signal,
    // In a group of its own, out of reach of Ctrl-C, which the tool passes on by the signal.
    detached: process.platform !== 'win32',
  });
  const report: LoadReport = JSON.parse(stdout);
  const bad = Object.keys(report.statuses).filter((status) => !status.startsWith('2'));
  if (bad.length === 0 && report.errors === 0 && report.ms.length > 0) return report;
  const [request] = order.each?.[0] ?? order.requests;
  throw new CourseError(
    `${request?.method} ${request?.path} was answered with ${JSON.stringify(report.statuses)} and ${report.errors} errors, so there is nothing to measure: look at that step's own tests first ("npx course verify").`,
    ExitCode.fellShort,
  );
}

/**
 * One measurement out of the rounds of one cell: the rate is that of the middle round, so that one
 * disturbed round does not count; the percentiles are those of all requests.
 */
export function measure(rounds: LoadReport[]): Measurement {
  const ms = rounds.flatMap((round) => round.ms).sort(ascending);
  const rates = rounds.map((round) => round.ms.length / round.seconds).sort(ascending);
  return {
    requests: ms.length,
    perSecond: round(median(rates)),
    p50: round(percentile(ms, 50)),
    p99: round(percentile(ms, 99)),
  };
}

/** The middle of sorted values, or the mean of the two in the middle. */
function median(sorted: number[]): number {
  const half = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(half)] ?? Number.NaN) + (sorted[Math.ceil(half)] ?? Number.NaN)) / 2;
}

/** The nearest-rank percentile of sorted values: a value that was really measured. */
export function percentile(sorted: number[], percent: number): number {
  const rank = Math.ceil((percent / 100) * sorted.length);
  return sorted[Math.max(rank, 1) - 1] ?? Number.NaN;
}

const ascending = (a: number, b: number) => a - b;

/** Three digits: the rest is noise. */
function round(value: number): number {
  return Number(value.toPrecision(3));
}
