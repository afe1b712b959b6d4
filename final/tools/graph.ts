import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { Refusal } from './refusal.ts';

/** People who follow each other. They are numbered from 0; data/README.md says where they are from. */
export interface Graph {
  people: number;
  /** Each edge is two follows: one in each direction. */
  edges: [number, number][];
  /** Differs from one graph to the next. */
  fingerprint: string;
}

/** The real graph that comes with the course. */
export const REAL_GRAPH = fileURLToPath(new URL('../data/ego-facebook.edges.gz', import.meta.url));

/**
 * Reads a graph: gzip, one edge a line, such as `0 107`.
 *
 * @throws {Refusal} when the file is missing or not such a list.
 */
export async function readGraph(file: string): Promise<Graph> {
  let packed: Buffer;
  let text: string;
  try {
    packed = await readFile(file);
    text = gunzipSync(packed).toString();
  } catch (error) {
    const { code } = error as { code?: string };
    throw new Refusal(
      `The graph ${file} cannot be read (${code}): name a gzip file with one edge a line.`,
    );
  }
  const edges = text.trimEnd().split('\n').map(toEdge);
  if (edges.includes(undefined)) {
    throw new Refusal(`The graph ${file} has a line that is no edge: each is like "0 107".`);
  }
  const real = edges.filter((edge) => edge !== undefined);
  return {
    people: real.reduce((most, [a, b]) => Math.max(most, a + 1, b + 1), 0),
    edges: real,
    fingerprint: createHash('sha256').update(packed).digest('hex').slice(0, 16),
  };
}

/** Everybody who follows this person, in the order of their numbers. */
export function followersOf(graph: Graph, person: number): number[] {
  return graph.edges
    .flatMap(([a, b]) => (a === person ? [b] : b === person ? [a] : []))
    .sort((a, b) => a - b);
}

function toEdge(line: string): [number, number] | undefined {
  const [, a, b] = /^(\d{1,7}) (\d{1,7})$/.exec(line) ?? [];
  return a === undefined || a === b ? undefined : [Number(a), Number(b)];
}
