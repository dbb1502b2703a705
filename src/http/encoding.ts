import { understoodTextsMax } from '../limits.ts';
import type { Encoding } from '../queries/cached-response.ts';

const parsed = new Map<string, Encoding>();

/** Returns the best encoding that the client accepts. Each distinct header is parsed once. */
export function chooseEncoding(acceptEncoding: string): Encoding {
  if (acceptEncoding === '') return 'identity';
  const known = parsed.get(acceptEncoding);
  if (known !== undefined) return known;
  const encoding = readAcceptEncoding(acceptEncoding);
  if (parsed.size < understoodTextsMax) parsed.set(acceptEncoding, encoding);
  return encoding;
}

function readAcceptEncoding(text: string): Encoding {
  const qualities = new Map(
    text
      .toLowerCase()
      .split(',')
      .map((item) => {
        const [coding = '', ...parameters] = item.split(';').map((part) => part.trim());
        const quality = parameters.find((parameter) => parameter.startsWith('q='));
        return [coding, quality === undefined ? 1 : Number(quality.slice(2))] as const;
      }),
  );
  const qualityOf = (coding: Encoding) => qualities.get(coding) ?? qualities.get('*') ?? 0;
  const [br, gzip] = [qualityOf('br'), qualityOf('gzip')];
  const identity = qualities.get('identity') ?? 0;
  if (br > 0 && br >= gzip && br >= identity) return 'br';
  return gzip > 0 && gzip >= identity ? 'gzip' : 'identity';
}
