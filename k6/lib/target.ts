/** The service to load. A host other than this machine also has to be listed in ALLOW_TARGET. */
export const baseUrl: string = checkTarget(__ENV['TARGET'] ?? 'http://127.0.0.1:8000');

function checkTarget(url: string): string {
  const [, host = ''] = /^https?:\/\/(\[[^\]]+\]|[^/:]+)(:\d+)?\/?$/.exec(url) ?? [];
  const isLoopback = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(host);
  if (isLoopback || (host !== '' && (__ENV['ALLOW_TARGET'] ?? '').split(',').includes(host)))
    return url.replace(/\/$/, '');
  throw new Error(`Expected TARGET to be on this machine or its host to be in ALLOW_TARGET, got ${url}`);
}
