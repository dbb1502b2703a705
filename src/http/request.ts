import type { TSchema } from '@sinclair/typebox';
import { type FieldError, ValidationError } from '../errors.ts';
import { understoodTextsMax } from '../limits.ts';
import type { Route } from './route.ts';
import { validate } from './schemas/validator.ts';
import type { HttpRequest } from './uws.ts';

/** What must be taken from the request before its handler returns, as text. */
export interface RawInput {
  readonly params: readonly string[];
  readonly query: string;
}

export interface Input {
  readonly params: unknown;
  readonly query: unknown;
}

const nothing: Input = { params: undefined, query: undefined };

/** Compiled once a route. Throws a ValidationError that lists the path's and the query's faults together. */
export function createInputReader(route: Route): (raw: RawInput) => Input {
  const names = [...route.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] as string);
  const pathErrors = route.params === undefined ? undefined : validate(route.params, 'path');
  const queryErrors = route.query === undefined ? undefined : validate(route.query, 'query');
  const pathNumbers = numberNames(route.params);
  const queryNumbers = numberNames(route.query);
  const queryNames = Object.keys(route.query?.['properties'] ?? {});

  // Without parameters in the path an address is its query, and the same few are asked for all the time.
  const understood = new Map<string, Input>();

  return (raw) => {
    if (pathErrors === undefined && queryErrors === undefined) return nothing;
    const known = pathErrors === undefined ? understood.get(raw.query) : undefined;
    if (known !== undefined) return known;
    const params = Object.fromEntries(
      names.map((name, i) => [name, read(decode(raw.params[i] ?? ''), pathNumbers, name)]),
    );
    const query = readQuery(raw.query, queryNames, queryNumbers);
    const faults: FieldError[] = [...(pathErrors?.(params) ?? []), ...(queryErrors?.(query) ?? [])];
    if (faults.length > 0) throw new ValidationError(faults);
    const input = { params, query };
    if (pathErrors === undefined && understood.size < understoodTextsMax) understood.set(raw.query, input);
    return input;
  };
}

export function readRawInput(req: HttpRequest, paramCount: number): RawInput {
  const params: string[] = [];
  for (let i = 0; i < paramCount; i += 1) params.push(req.getParameter(i));
  return { params, query: req.getQuery() };
}

/** Of a parameter given twice the last counts; unknown ones are ignored. */
function readQuery(text: string, names: readonly string[], numbers: ReadonlySet<string>): Record<string, unknown> {
  const query: Record<string, unknown> = {};
  if (text === '') return query;
  for (const [name, value] of new URLSearchParams(text)) {
    if (names.includes(name)) query[name] = read(value, numbers, name);
  }
  return query;
}

/** Decimal digits become a number, one that is too large to be exact the largest that is; other text stays as it is and is refused. */
function read(text: string, numbers: ReadonlySet<string>, name: string): string | number {
  if (!numbers.has(name) || !/^\d+$/.test(text)) return text;
  return Math.min(Number(text), Number.MAX_SAFE_INTEGER);
}

function numberNames(schema: TSchema | undefined): ReadonlySet<string> {
  const properties: Record<string, TSchema> = schema?.['properties'] ?? {};
  return new Set(Object.keys(properties).filter((name) => properties[name]?.['type'] === 'integer'));
}

function decode(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
