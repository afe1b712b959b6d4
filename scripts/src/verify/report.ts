import { styleText } from 'node:util';
import Table from 'cli-table3';
import type { Step } from '../core/course.ts';
import { CHECKS, type Check, type Finding, type Outcome } from './types.ts';

/** Everything that is known about one step at the end. */
export interface StepReport {
  step: Step;
  /** A check that was not asked for has no outcome. */
  outcomes: Map<Check, Outcome>;
  /** The time that its checks took, added up. */
  ms: number;
}

/** The red/green matrix: a row a step, a column a check. */
export function matrix(reports: StepReport[]): string {
  const table = new Table({
    head: ['step', ...CHECKS, 'seconds'],
    style: { head: [], border: [], compact: true },
    colAligns: ['left', ...CHECKS.map(() => 'left' as const), 'right'],
  });
  for (const { step, outcomes, ms } of reports) {
    const cells = CHECKS.map((check) => cell(outcomes.get(check)));
    table.push([step.name, ...cells, (ms / 1000).toFixed(1)]);
  }
  return table.toString();
}

function cell(outcome: Outcome | undefined): string {
  if (outcome === undefined) return styleText('dim', '–');
  const { findings, note } = outcome;
  const red = findings.length > 0 || note?.endsWith(' fail');
  if (red) return styleText('red', note?.endsWith(' fail') ? `✗ ${note}` : `✗ ${findings.length}`);
  return note === '–' ? styleText('dim', note) : styleText('green', `✓ ${note ?? ''}`.trimEnd());
}

/** One line of progress, printed when a check of a step is through. */
export function progressLine(step: Step, check: string, outcomes: Outcome[], ms: number): string {
  const count = outcomes.reduce((sum, { findings }) => sum + findings.length, 0);
  const failed = outcomes.some(({ note }) => note?.endsWith(' fail'));
  const mark = count > 0 || failed ? styleText('red', '✗') : styleText('green', '✓');
  const found = count === 0 ? '' : `  ${count} ${count === 1 ? 'finding' : 'findings'}`;
  const time = styleText('dim', `${(ms / 1000).toFixed(1)} s`);
  return `${mark} ${step.name.padEnd(32)} ${check.padEnd(22)} ${time}${found}`;
}

/** The findings in the order of the matrix, each headed by its step and check. */
export function findingsText(findings: Finding[]): string {
  return findings
    .map(({ step, check, text }) => {
      const [first = '', ...rest] = text.trimEnd().split('\n');
      const head = `${styleText('red', '✗')} ${styleText('bold', step.name)} · ${check}: ${first}`;
      return [head, ...rest.map((line) => `    ${line}`)].join('\n');
    })
    .join('\n\n');
}
