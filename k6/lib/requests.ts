import { check } from 'k6';
import http, { type FileData, type RefinedResponse } from 'k6/http';
import { baseUrl } from './target.ts';

export type ApiResponse = RefinedResponse<'text'>;

interface Call {
  /** The route's name in every metric, without ids. */
  name: string;
  method?: string;
  path: string;
  token?: string;
  json?: unknown;
  form?: Record<string, string | FileData>;
  statuses: number[];
  timeout?: string;
  isSetup?: boolean;
}

/** Sends one request, tagged with its route, and checks its status. */
export async function call({
  name,
  method = 'GET',
  path,
  token,
  json,
  form,
  statuses,
  timeout,
  isSetup,
}: Call): Promise<ApiResponse> {
  const headers: Record<string, string> = {};
  if (token !== undefined) headers['Authorization'] = `Bearer ${token}`;
  if (json !== undefined) headers['Content-Type'] = 'application/json';
  const body = json === undefined ? form : JSON.stringify(json);
  const response = await http.asyncRequest(method, `${baseUrl}${path}`, body, {
    headers,
    tags: { name: isSetup ? 'setup' : name },
    timeout: timeout ?? '60s',
    responseType: 'text',
    responseCallback: http.expectedStatuses(...statuses),
  });
  if (!isSetup)
    check(response, { [`${name} returns ${statuses.join(' or ')}`]: ({ status }) => statuses.includes(status) });
  return response;
}
