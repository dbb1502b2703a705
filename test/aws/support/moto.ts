import { join } from 'node:path';
import { startChild } from '../../../scripts/lib/child.ts';
import { rootFolder } from '../../../scripts/lib/paths.ts';
import { freePort } from '../../../scripts/lib/ports.ts';
import { waitFor } from '../../../scripts/lib/wait.ts';
import type { TestScope } from '../../support/environment.ts';
import { request } from '../../support/http.ts';
import { requireSetting } from '../../support/settings.ts';

/** Starts an empty emulator of AWS on a free port, and returns its address. */
export async function startMoto(t: TestScope, folder: string, env: Record<string, string> = {}): Promise<string> {
  const port = await freePort();
  const child = await startChild({
    command: join(requireSetting('MOTO_SERVER'), '../python'),
    args: [join(rootFolder, 'test/aws/support/emulator.py'), '-H', '127.0.0.1', '-p', String(port)],
    env: { ...process.env, MOTO_EC2_LOAD_DEFAULT_AMIS: 'false', ...env },
    logPath: join(folder, 'moto.log'),
  });
  t.teardown(async () => void (await child.stop()));
  const url = `http://127.0.0.1:${port}`;
  await waitFor('the emulator of AWS', async () => (await request(`${url}/moto-api/`)).status === 200, {
    timeoutMs: 60_000,
  });
  return url;
}
