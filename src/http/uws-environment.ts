import { requestHeadMaxBytes } from '../limits.ts';

/**
 * uWebSockets.js reads its limit of a request's head from the environment when it is loaded, so uws.ts imports this module first.
 * The default of 4 KiB is less than browsers and proxies send with their cookies.
 */
process.env['UWS_HTTP_MAX_HEADERS_SIZE'] = String(requestHeadMaxBytes);
