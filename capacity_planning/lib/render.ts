import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { drawCharts } from './charts.ts';
import type { CapacityReport } from './report-schema.ts';
import { describeReport, type Table } from './report-tables.ts';

/** Writes report.md and report.html beside the raw figures; the page loads nothing from anywhere. */
export function renderReport(folder: string, report: CapacityReport): string[] {
  const paths = { markdown: join(folder, 'report.md'), html: join(folder, 'report.html') };
  writeFileSync(paths.markdown, renderMarkdown(report));
  writeFileSync(paths.html, renderHtml(report));
  return Object.values(paths);
}

export function renderMarkdown(report: CapacityReport): string {
  const { headline, sentences, tables } = describeReport(report);
  const list = sentences.map((sentence) => `- ${sentence}`).join('\n');
  const parts = tables.map(({ title, head, rows }) => {
    const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
    return `## ${title}\n\n${[line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n')}`;
  });
  const commands = `## Commands\n\n${report.commands.map((command) => `    ${command}`).join('\n')}`;
  return `${[`# ${headline}`, list, ...parts, commands].join('\n\n')}\n`;
}

export function renderHtml(report: CapacityReport): string {
  const { headline, sentences, tables } = describeReport(report);
  const charts = drawCharts(report).map(({ title, svg }) => `<h2>${escapeHtml(title)}</h2>\n${svg}`);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>${escapeHtml(headline)}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
h1 { border-left: .6rem solid ${colors[report.judgement.verdict]}; padding-left: .8rem; }
table { border-collapse: collapse; font-size: 13px; } td, th { border: 1px solid #ccc; padding: .2rem .5rem; text-align: right; }
td:first-child, th:first-child { text-align: left; } svg { max-width: 100%; height: auto; } pre { overflow-x: auto; }
</style>
<h1>${escapeHtml(headline)}</h1>
<ul>${sentences.map((sentence) => `<li>${escapeHtml(sentence)}</li>`).join('\n')}</ul>
${charts.join('\n')}
${tables.map(renderTable).join('\n')}
<h2>Commands</h2>
<pre>${escapeHtml(report.commands.join('\n'))}</pre>
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
