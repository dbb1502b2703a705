import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { drawCharts } from './charts.ts';
import type { Page, Table } from './page.ts';
import type { CapacityReport } from './report-schema.ts';
import { describeReport } from './report-tables.ts';

/** Writes report.md and report.html beside the raw figures. The page loads no other file. */
export function writePage(folder: string, page: Page): string[] {
  const paths = { markdown: join(folder, 'report.md'), html: join(folder, 'report.html') };
  writeFileSync(paths.markdown, renderMarkdown(page));
  writeFileSync(paths.html, renderHtml(page));
  return Object.values(paths);
}

export function makePage(report: CapacityReport): Page {
  const { judgement, commands } = report;
  return { verdict: judgement.verdict, ...describeReport(report), charts: drawCharts(report), commands };
}

export function renderMarkdown({ headline, sentences, tables, commands }: Page): string {
  const list = sentences.map((sentence) => `- ${sentence}`).join('\n');
  const parts = tables.map(({ title, head, rows }) => {
    const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
    return `## ${title}\n\n${[line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n')}`;
  });
  const commandList = `## Commands\n\n${commands.map((command) => `    ${command}`).join('\n')}`;
  return `${[`# ${headline}`, list, ...parts, commandList].join('\n\n')}\n`;
}

export function renderHtml({ verdict, headline, sentences, tables, charts, commands }: Page): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>${escapeHtml(headline)}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
h1 { border-left: .6rem solid ${colors[verdict]}; padding-left: .8rem; }
table { border-collapse: collapse; font-size: 13px; } td, th { border: 1px solid #ccc; padding: .2rem .5rem; text-align: right; }
td:first-child, th:first-child { text-align: left; } td:nth-child(2):last-child, th:nth-child(2):last-child { text-align: left; } svg { max-width: 100%; height: auto; } pre { overflow-x: auto; }
</style>
<h1>${escapeHtml(headline)}</h1>
<ul>${sentences.map((sentence) => `<li>${escapeHtml(sentence)}</li>`).join('\n')}</ul>
${tables.slice(0, 1).map(renderTable).join('\n')}
${charts.map(({ title, svg }) => `<h2>${escapeHtml(title)}</h2>\n${svg}`).join('\n')}
${tables.slice(1).map(renderTable).join('\n')}
<h2>Commands</h2>
<pre>${escapeHtml(commands.join('\n'))}</pre>
</html>
`;
}

const colors = { PASS: '#2a7d3f', FAIL: '#b3261e', INVALID: '#b26a00' };

function renderTable({ title, head, rows }: Table): string {
  const line = (tag: 'td' | 'th', cells: readonly string[]) =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join('')}</tr>`;
  return `<h2>${escapeHtml(title)}</h2>\n<table>${line('th', head)}\n${rows.map((row) => line('td', row)).join('\n')}</table>`;
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
