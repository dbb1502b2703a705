import { readFile } from 'node:fs/promises';

export interface DemoRequest {
  method?: string;
  token?: string;
  json?: unknown;
}

const timeoutMs = 30_000;
/** Each request uses a separate connection, so that none is open when the service stops. */
const headers = { connection: 'close' };

/** Returns the JSON of a response. Rejects with its body on an error status. */
export async function requestJson<T>(url: string, { method = 'GET', token = '', json }: DemoRequest = {}): Promise<T> {
  const body = json === undefined ? null : JSON.stringify(json);
  const type = { 'content-type': 'application/json' };
  return readJson(
    await fetch(url, {
      method,
      headers: { ...headers, ...(body && type), ...(token && { authorization: `Bearer ${token}` }) },
      body,
      signal: AbortSignal.timeout(timeoutMs),
    }),
  );
}

export async function uploadVideo(
  url: string,
  token: string,
  { path, title }: { path: string; title: string },
): Promise<{ task_id: string; video_id: number }> {
  const form = new FormData();
  form.append('title', title);
  form.append('video_file', new Blob([await readFile(path)], { type: 'video/mp4' }), 'clip.mp4');
  const authorization = `Bearer ${token}`;
  return readJson(await fetch(url, { method: 'POST', headers: { ...headers, authorization }, body: form }));
}

/** Whether the address serves the start of an MP4. */
export async function isPlayable(url: string): Promise<boolean> {
  const signal = AbortSignal.timeout(timeoutMs);
  const response = await fetch(url, { headers: { ...headers, range: 'bytes=0-1023' }, signal });
  await response.body?.cancel();
  return response.ok && response.headers.get('content-type') === 'video/mp4';
}

async function readJson<T>(response: Response): Promise<T> {
  if (response.ok) return (await response.json()) as T;
  throw new Error(`Expected ${response.url} to succeed, got ${response.status} ${await response.text()}`);
}
