import type { TSchema } from '@sinclair/typebox';
import { type FieldError, ValidationError } from '../errors.ts';
import { understoodTextsMax } from '../limits.ts';
import type { Row } from './route.ts';
import { validate } from './schemas/validator.ts';
import type { HttpRequest } from './uws.ts';

/** The text that must be read from the request before its handler returns. */
export interface RawInput {
  readonly params: readonly string[];
  readonly query: string;
}

export interface Input {
  readonly params: unknown;
  readonly query: unknown;
}

const nothing: Input = { params: undefined, query: undefined };

/** Compiles a route's schemas once. The reader throws one ValidationError for path and query together. */
export function createInputReader(route: Row): (raw: RawInput) => Input {
  const names = [...route.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] as string);
  const pathErrors = route.params === undefined ? undefined : validate(route.params, 'path');
  const queryErrors = route.query === undefined ? undefined : validate(route.query, 'query');
  const pathNumbers = numberNames(route.params);
  const queryNumbers = numberNames(route.query);
  const queryNames = Object.keys(route.query?.['properties'] ?? {});

  // Without path parameters the query determines the input, and most requests repeat a few queries.
  const parsed = new Map<string, Input>();

  return (raw) => {
    if (pathErrors === undefined && queryErrors === undefined) return nothing;
    const known = pathErrors === undefined ? parsed.get(raw.query) : undefined;
    if (known !== undefined) return known;
    const params = Object.fromEntries(
      names.map((name, i) => [name, read(decode(raw.params[i] ?? ''), pathNumbers, name)]),
    );
    const query = readQuery(raw.query, queryNames, queryNumbers);
    const errors: FieldError[] = [...(pathErrors?.(params) ?? []), ...(queryErrors?.(query) ?? [])];
    if (errors.length > 0) throw new ValidationError(errors);
    const input = { params, query };
    if (pathErrors === undefined && parsed.size < understoodTextsMax) parsed.set(raw.query, input);
    return input;
  };
}

export function readRawInput(req: HttpRequest, paramCount: number): RawInput {
  const params: string[] = [];
  for (let i = 0; i < paramCount; i += 1) params.push(req.getParameter(i));
  return { params, query: req.getQuery() };
}

/** The last of repeated parameters counts. Unknown parameters are ignored. */
function readQuery(text: string, names: readonly string[], numbers: ReadonlySet<string>): Record<string, unknown> {
  const query: Record<string, unknown> = {};
  if (text === '') return query;
  for (const [name, value] of new URLSearchParams(text)) {
    if (names.includes(name)) query[name] = read(value, numbers, name);
  }
  return query;
}

/** Turns decimal digits into a number, at most the largest exact one. Other text stays text, which validation rejects. */
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
