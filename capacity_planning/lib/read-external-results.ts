import { parse } from 'csv-parse/sync';
import { percentile } from '../../scripts/lib/statistics.ts';
import { UserError } from '../../scripts/lib/user-error.ts';
import type { ExternalRoute, ExternalRun } from './external-results.ts';

type Row = Record<string, string>;

/** Detects the format by the content: JMeter's CSV (JTL), Locust's statistics or k6's summary. */
export function readExternalResults(text: string): ExternalRun {
  if (text.trimStart().startsWith('{')) return readK6(text);
  if (text.trimStart().startsWith('<')) {
    throw new UserError('Expected a JTL file in CSV, got XML: set jmeter.save.saveservice.output_format=csv.');
  }
  if (text.includes('\0')) throw new UserError(`Expected ${knownFiles}, got a binary file.`);
  const [columns, rows] = readTable(text);
  if (['timeStamp', 'elapsed', 'label', 'success'].every((name) => columns.includes(name))) return readJmeter(rows);
  if (['Name', 'Request Count', 'Failure Count'].every((name) => columns.includes(name))) return readLocust(rows);
  const got = columns.join(', ').slice(0, 200) || 'none';
  throw new UserError(`Expected ${knownFiles}, got the columns ${got}.`);
}

const knownFiles = 'a file of JMeter (CSV), Locust (stats CSV) or k6 (summary JSON)';

/** Returns the columns as well, because a file may have no rows. */
function readTable(text: string): [columns: string[], rows: Row[]] {
  let columns: string[] = [];
  const rows: Row[] = parse(text, {
    columns: (head: string[]) => {
      columns = head;
      return head;
    },
    skip_empty_lines: true,
    bom: true,
  });
  return [columns, rows];
}

/** JMeter writes a row per request, so all figures are computed here. */
function readJmeter(rows: readonly Row[]): ExternalRun {
  const labels = [...new Set(rows.map((row) => row['label'] ?? ''))];
  const starts = rows.map((row) => expectNumber(row, 'timeStamp'));
  const ends = rows.map((row, i) => (starts[i] ?? 0) + expectNumber(row, 'elapsed'));
  const seconds =
    (ends.reduce((a, b) => Math.max(a, b), 0) - starts.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)) /
    1000;
  const users = rows.reduce((most, row) => Math.max(most, Number(row['allThreads'] ?? 0)), 0);
  const routes = labels.map((name): ExternalRoute => {
    const own = rows.filter((row) => row['label'] === name);
    const values = own.map((row) => Number(row['elapsed']));
    return {
      name,
      samples: own.length,
      failures: own.filter((row) => row['success'] !== 'true').length,
      meanMs: values.reduce((sum, value) => sum + value, 0) / values.length,
      p95Ms: percentile(values, 0.95),
      p99Ms: percentile(values, 0.99),
    };
  });
  return { format: 'JMeter', routes, perSecond: rows.length / seconds, users: users || undefined, dropped: undefined };
}

/** Locust writes a row per route, and the number of users to another file. */
function readLocust(rows: readonly Row[]): ExternalRun {
  const own = rows.filter((row) => row['Name'] !== 'Aggregated');
  const routes = own.map((row) => ({
    name: `${row['Type'] ?? ''} ${row['Name'] ?? ''}`.trim(),
    samples: expectNumber(row, 'Request Count'),
    failures: expectNumber(row, 'Failure Count'),
    meanMs: readNumber(row['Average Response Time']),
    p95Ms: readNumber(row['95%']),
    p99Ms: readNumber(row['99%']),
  }));
  const rates = own.map((row) => readNumber(row['Requests/s']) ?? 0);
  return {
    format: 'Locust',
    routes,
    perSecond: rates.reduce((sum, rate) => sum + rate, 0),
    users: undefined,
    dropped: undefined,
  };
}

type Numbers = Record<string, number>;

/** Reads handleSummary's data or a --summary-export file, which has no `values`. Neither distinguishes routes. */
function readK6(text: string): ExternalRun {
  const { metrics } = JSON.parse(text) as { metrics?: Record<string, { values?: Numbers } | Numbers> };
  const read = (name: string): Numbers | undefined => {
    const metric = metrics?.[name];
    return metric === undefined
      ? undefined
      : typeof metric['values'] === 'object'
        ? metric['values']
        : (metric as Numbers);
  };
  const requests = read('http_reqs');
  if (requests === undefined) {
    throw new UserError(
      "Expected k6's summary with http_reqs in it, got other JSON: write handleSummary's data to a file.",
    );
  }
  const values = read('http_req_duration') ?? {};
  const samples = requests['count'] ?? 0;
  const failed = read('http_req_failed');
  const failures = Math.round((failed?.['rate'] ?? failed?.['value'] ?? 0) * samples);
  const all = {
    name: 'all routes',
    samples,
    failures,
    meanMs: values['avg'],
    p95Ms: values['p(95)'],
    p99Ms: values['p(99)'],
  };
  const peak = read('vus_max')?.['max'];
  const counted = read('dropped_iterations')?.['count'];
  // k6 omits a metric without samples: without dropped_iterations, none were dropped or no arrival rate was set.
  return {
    format: 'k6',
    routes: [all],
    perSecond: requests['rate'],
    users: counted === undefined ? peak : undefined,
    dropped: counted,
  };
}

/** Rejects anything but a count or a time, on which no verdict could stand. */
function expectNumber(row: Row, column: string): number {
  const value = readNumber(row[column]);
  if (value !== undefined && value >= 0 && Number.isFinite(value)) return value;
  throw new UserError(`Expected ${column} to be a number of 0 or more in every row, got ${row[column] || 'nothing'}.`);
}

function readNumber(text: string | undefined): number | undefined {
  const value = Number(text);
  return text === undefined || text === '' || Number.isNaN(value) ? undefined : value;
}
