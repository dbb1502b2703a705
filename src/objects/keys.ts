import { randomUUID } from 'node:crypto';

/** Returns a new key. Every key is a folder, a new UUID and an extension, and never derives from anything a client sent. */
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

/** Returns whether this service can have created `key`. Keys of an older system and of other software do not match. */
export function isOwnKey(key: string): boolean {
  return ownKey.test(key);
}
