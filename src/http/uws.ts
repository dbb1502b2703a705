import uws, { type TemplatedApp, type us_listen_socket } from 'uWebSockets.js';

export type { HttpRequest, HttpResponse } from 'uWebSockets.js';
export type { TemplatedApp, us_listen_socket };

/** The native library, as the one object it exports; what its types leave out is named here. */
export const { App, us_listen_socket_close } = uws;
export const configure = (uws as unknown as { _cfg: (option: 'silent') => void })._cfg;
