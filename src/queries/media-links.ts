import type { ObjectStore } from '../objects/store.ts';

export type MediaLinks = ReturnType<typeof openMediaLinks>;

/** Returns the playable link of a key: on the configured media host, or pre-signed. */
export function openMediaLinks(objects: ObjectStore, mediaHost: string | undefined) {
  return async (key: string | null): Promise<string | null> => {
    if (key === null) return null;
    if (mediaHost !== undefined) return `${mediaHost}/${key.split('/').map(encodeURIComponent).join('/')}`;
    return objects.presignGet(key);
  };
}
