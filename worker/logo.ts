import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The picture lies beside the source, which is one folder further up from the compiled file. */
const candidates = ['./assets/logo.png', '../../worker/assets/logo.png'].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
);

export const logoPath = candidates.find((path) => existsSync(path)) ?? (candidates[0] as string);
