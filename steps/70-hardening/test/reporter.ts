import { Transform } from 'node:stream';

const FILE = /^(not )?ok \d+ - (\S+)/;
const CASE = /^ {4}(not )?ok \d+ - (.+?)(?: # time=.*)?$/;

/** Turns tap's output into a line per case, what a failed case said, and `N passed, N failed`. */
export default class Reporter extends Transform {
  #count = { passed: 0, failed: 0, failedInFile: 0 };
  #details: string[] = [];
  #rest = '';

  override _transform(chunk: Buffer, _encoding: string, done: () => void) {
    const lines = (this.#rest + chunk).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#read(line);
    done();
  }

  override _flush(done: () => void) {
    this.push(`\n${this.#count.passed} passed, ${this.#count.failed} failed\n`);
    done();
  }

  #read(line: string) {
    const [isCase, caseFailed, name] = CASE.exec(line) ?? [];
    const [isFile, fileFailed, file] = FILE.exec(line) ?? [];
    if (line.startsWith('    # Subtest')) this.#details = [];
    if (line.startsWith('        ')) this.#details.push(line);
    if (isCase) this.#show(!caseFailed, name);
    // A file that fails without a failed case has crashed, or has no case at all.
    if (fileFailed && this.#count.failedInFile === 0) this.#show(false, file);
    if (isFile) this.#count.failedInFile = 0;
  }

  #show(ok: boolean, name = '') {
    this.#count[ok ? 'passed' : 'failed'] += 1;
    if (!ok) this.#count.failedInFile += 1;
    this.push([ok ? `✓ ${name}` : `✗ ${name}`, ...(ok ? [] : this.#details), ''].join('\n'));
  }
}
