import { parseDuration } from './durations.ts';
import { refuse } from './exit-codes.ts';

export interface Threshold {
  /** As written: `http_req_duration{name:vote}`. */
  metric: string;
  base: string;
  tags: Readonly<Record<string, string>>;
  expression: string;
  statistic: string;
  operator: string;
  bound: number;
  abortsOnFail: boolean;
  delayMs: number;
}

const pattern =
  /^\s*(p\(\d+(?:\.\d+)?\)|avg|min|max|med|count|rate|value)\s*(<=|>=|<|>|===|==|!=)\s*(-?\d+(?:\.\d+)?)\s*$/;

export function parseThreshold(metric: string, raw: unknown): Threshold {
  const detail = typeof raw === 'string' ? { threshold: raw } : (raw as Record<string, unknown>);
  const unknown = Object.keys(detail).find((name) => !['threshold', 'abortOnFail', 'delayAbortEval'].includes(name));
  if (unknown !== undefined) throw refuse(`In a threshold of ${metric} the option ${unknown}`);
  const expression = String(detail['threshold']);
  const [, statistic = '', operator = '', bound] = pattern.exec(expression) ?? [];
  if (bound === undefined) throw refuse(`The threshold ${expression} of ${metric}`);
  return {
    metric,
    ...parseSelector(metric),
    expression,
    statistic,
    operator,
    bound: Number(bound),
    abortsOnFail: 'abortOnFail' in detail && detail['abortOnFail'] === true,
    delayMs: 'delayAbortEval' in detail ? parseDuration(detail['delayAbortEval'], 'delayAbortEval') : 0,
  };
}

/** A metric without a sample breaks nothing, as in k6. */
export function holds({ operator, bound }: Threshold, value: number | undefined): boolean {
  if (value === undefined || Number.isNaN(value)) return true;
  if (operator === '<') return value < bound;
  if (operator === '<=') return value <= bound;
  if (operator === '>') return value > bound;
  if (operator === '>=') return value >= bound;
  return operator === '!=' ? value !== bound : value === bound;
}

function parseSelector(metric: string): { base: string; tags: Record<string, string> } {
  const [, base, list] = /^([^{]+?)\{(.*)\}$/.exec(metric) ?? [];
  if (base === undefined || list === undefined) return { base: metric, tags: {} };
  const pairs = list.split(',').map((pair) => {
    const [, name = '', value = ''] = /^\s*([^:]+?)\s*:\s*"?(.*?)"?\s*$/.exec(pair) ?? [];
    return [name, value] as const;
  });
  return { base, tags: Object.fromEntries(pairs) };
}
