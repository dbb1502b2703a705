import { randomUUID } from 'node:crypto';

/** Every key this service writes: a folder, a UUID of its own and an ending. Never derived from anything a client sent. */
export function newUploadKey(): string {
  return `uploads/${randomUUID()}.mp4`;
}

export function newRenditionKey(): string {
  return `processed/${randomUUID()}.mp4`;
}

export function newPosterKey(): string {
  return `posters/${randomUUID()}.jpg`;
}

export const ownFolders = ['uploads/', 'processed/', 'posters/'] as const;

const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}';
const ownKey = new RegExp(`^(?:(?:uploads|processed)/${uuid}\\.mp4|posters/${uuid}\\.jpg)$`);

/** Whether this service can have made `key`: an older system's keys and anybody else's never match. */
export function isOwnKey(key: string): boolean {
  return ownKey.test(key);
}
