interface Metric {
  values: Record<string, number>;
  thresholds?: Record<string, { ok: boolean }>;
}

/** Prints which objectives hold, and writes the summary to the file that SUMMARY names. */
export function summarize(data: { metrics: Record<string, Metric> }): Record<string, string> {
  const lines = Object.entries(data.metrics).flatMap(([name, { thresholds = {} }]) =>
    Object.entries(thresholds).map(([expression, { ok }]) => `${ok ? 'holds ' : 'BROKEN'} ${name} ${expression}`),
  );
  const count = data.metrics['iterations']?.values['count'] ?? 0;
  const dropped = data.metrics['dropped_iterations']?.values['count'] ?? 0;
  const text = `${[...lines, `${count} iterations, ${dropped} dropped`].join('\n')}\n`;
  const file = __ENV['SUMMARY'];
  return file === undefined ? { stdout: text } : { stdout: text, [file]: JSON.stringify(data, null, 2) };
}
