import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { html } from 'diff2html';
import { ColorSchemeType } from 'diff2html/lib/types.js';

/** What stands above the change on the page. */
export interface PageText {
  title: string;
  /** One line on what is compared. */
  subtitle: string;
  /** What the change adds, from the lesson; may be empty. */
  summary: string;
}

/** Sizes for a projector: read from the last row, with lines that wrap and never scroll sideways. */
const STYLE = `
:root { color-scheme: light dark; --page: #fff; --text: #1f2328; --quiet: #59636e; }
@media (prefers-color-scheme: dark) { :root { --page: #0d1117; --text: #e6edf3; --quiet: #9198a1; } }
body { margin: 0; padding: 1.5rem 2rem 4rem; background: var(--page); color: var(--text);
  font: 18px/1.5 system-ui, sans-serif; }
h1 { margin: 0; font-size: 2.2rem; line-height: 1.2; }
header p { margin: 0.4rem 0 0; font-size: 1.3rem; max-width: 60em; }
header p.quiet { color: var(--quiet); font-size: 1.05rem; }
.d2h-wrapper { margin-top: 1.5rem; }
.d2h-file-list-wrapper, .d2h-file-header { font-size: 1.05rem; font-family: system-ui, sans-serif; }
.d2h-file-list-header { text-align: left; }
.d2h-file-header { position: sticky; top: 0; z-index: 2; }
.d2h-file-wrapper { overflow: clip; }
.d2h-file-name { font-size: 1.1rem; font-weight: 600; }
.d2h-diff-table { font-size: 16px; line-height: 1.45; table-layout: fixed;
  font-family: ui-monospace, "Cascadia Code", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.d2h-file-side-diff { width: 100%; margin: 0; overflow: visible; }
.d2h-code-side-linenumber { position: static; display: table-cell; width: 3.2em; }
.d2h-diff-table col.number { width: 3.6em; }
.d2h-diff-table td { vertical-align: top; }
.d2h-code-side-line { width: auto; padding: 0 0.6em; display: flex; user-select: text; }
.d2h-code-line-ctn { white-space: pre-wrap; overflow-wrap: anywhere; flex: 1; }
.d2h-file-collapse, .d2h-file-switch { display: none; }
@media print { .d2h-file-header { position: static; } }
`;

/**
 * A page that stands alone (no script, nothing to load) and shows a patch side by side, in the
 * reader's light or dark colours.
 *
 * @param patch as `git diff` writes it.
 */
export function diffPage(patch: string, text: PageText): string {
  const body =
    patch === ''
      ? '<p>The two are equal.</p>'
      : joinSides(
          html(patch, {
            outputFormat: 'side-by-side',
            drawFileList: true,
            matching: 'lines',
            colorScheme: ColorSchemeType.AUTO,
          }),
        );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(text.title)}</title>
<style>
${packageCss()}
${STYLE}</style>
</head>
<body>
<header>
<h1>${escapeHtml(text.title)}</h1>
${text.summary === '' ? '' : `<p>${escapeHtml(text.summary)}</p>\n`}<p class="quiet">${escapeHtml(text.subtitle)}</p>
</header>
<main>
${body}
</main>
</body>
</html>
`;
}

/** The two tables that diff2html makes for a file, up to the end of the second. */
const TWO_TABLES =
  /(<tbody class="d2h-diff-tbody">)([\s\S]*?)<\/tbody>\s*<\/table>\s*<\/div>\s*<\/div>\s*<div class="d2h-file-side-diff">[\s\S]*?<tbody class="d2h-diff-tbody">([\s\S]*?)<\/tbody>/g;

/**
 * Makes one table of the two that diff2html gives a file, for in two tables the lines of the sides
 * would part where a long one wraps. A file that is new or deleted gets the whole width.
 */
function joinSides(page: string): string {
  return page.replace(TWO_TABLES, (_all, open: string, left: string, right: string) => {
    const sides = [left, right].map(rowsOf);
    const shown = sides.filter((rows) => rows.some(hasLine));
    const [first = [], second] = shown.length === 0 ? sides : shown;
    const rows = first.map((row, index) => `<tr>${row}${second?.[index] ?? ''}</tr>`);
    const columns = '<col class="number"><col>'.repeat(second === undefined ? 1 : 2);
    return `<colgroup>${columns}</colgroup>${open}${rows.join('\n')}</tbody>`;
  });
}

/** The cells of each row; text in them has no tags of its own, for diff2html escapes it. */
function rowsOf(table: string): string[] {
  return [...table.matchAll(/<tr>([\s\S]*?)<\/tr>/g)].map(([, cells]) => cells ?? '');
}

/** Whether a row of one side shows a line of the file, and is no filler beside the other side's. */
function hasLine(row: string): boolean {
  return !row.includes('d2h-emptyplaceholder') && !row.includes('d2h-info');
}

function packageCss(): string {
  const file = createRequire(import.meta.url).resolve('diff2html/bundles/css/diff2html.min.css');
  return readFileSync(file, 'utf8');
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
