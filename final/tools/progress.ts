/** Tells how far a piece of work has come. */
export type Progress = (what: string, done: number, total: number) => void;

/**
 * Shows progress on a stream: on a terminal as one line that is written over, elsewhere (a log
 * file, CI) as a plain line for every quarter of the work.
 */
export function showProgress(stream: NodeJS.WriteStream): Progress {
  let shown = '';
  return (what, done, total) => {
    const line = `${what}: ${format(done)} of ${format(total)}`;
    if (stream.isTTY) {
      stream.write(`\r${line}\x1b[K${done >= total ? '\n' : ''}`);
      return;
    }
    const quarter = `${what} ${Math.floor((done / total) * 4)}`;
    if (quarter === shown) return;
    shown = quarter;
    stream.write(`${line}\n`);
  };
}

/** A whole number with its thousands set apart: 176,468. */
export function format(count: number): string {
  return count.toLocaleString('en-US');
}
