import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import t from 'tap';
import { rootFolder } from '../scripts/lib/paths.ts';

/**
 * uWebSockets.js is published by its author on GitHub only; what the registry has is a third party's copy. So its exact
 * bytes are pinned, those that run here and those that run in production: a new version means looking at it anew.
 */
const pinnedIntegrity =
  'sha512-0Nw22DDOd1YGnJ8/IHYVCDHZXAVqLnjBxktl2bSjcJRVcgasb2Zs8WCRhL41IydraLLq001c6ycHdIS+rEcAxw==';
const pinnedSha256: Record<string, string> = {
  'uws.js': '9d5cd758ff1ecd8e632f291a10c8a161a8d8010a73b69f6b6a0ec39ef04510d2',
  'uws_linux_x64_115.node': 'f4fa5d7b697529b45ac8aa3d57385d9af51bc1d2b26aa9f5b68ca4361542e665',
  'uws_linux_x64_127.node': '78e38a9a163b1cf33ce539619e5908111dea95a12e7943d95fbcdd524879caa8',
  'uws_linux_x64_137.node': '3b549c14e01d9d1faf234cdf4b6f0fb08158605e3692cd0eb1b905e327bd3449',
  'uws_linux_arm64_115.node': '034e0fcccdc08f90df3b130f421516311831b1352fe38eab91abc2984c2fdf3a',
  'uws_linux_arm64_127.node': 'a7d9bc3ec166421a49416d5ea4f49118ae68ea1dbf8a765c4f45a79b0b6adb13',
  'uws_linux_arm64_137.node': 'b6eb007d627e00bcce03ad38f197124e9027c03f6fe784b37f97b8a6ea709cb4',
};

const uWebSockets = createRequire(import.meta.url).resolve('uWebSockets.js');
const readBeside = (name: string) => readFileSync(new URL(name, `file://${uWebSockets}`));

t.test('the lockfile pins the bytes of uWebSockets.js', async (t) => {
  const lockfile = JSON.parse(readFileSync(join(rootFolder, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version?: string; integrity?: string; hasInstallScript?: boolean }>;
  };
  const { version, integrity, hasInstallScript } = lockfile.packages['node_modules/uWebSockets.js'] ?? {};
  t.equal(version, '3.0.6');
  t.equal(integrity, pinnedIntegrity);
  t.equal(hasInstallScript, undefined);
});

t.test('the binaries of uWebSockets.js are those that were looked at', async (t) => {
  for (const [name, expected] of Object.entries(pinnedSha256)) {
    t.equal(createHash('sha256').update(readBeside(name)).digest('hex'), expected, name);
  }
});

t.test('on Linux the binary that this Node.js loads is among them', async (t) => {
  const loaded = `uws_${process.platform}_${process.arch}_${process.versions.modules}.node`;
  if (process.platform === 'linux') t.hasProp(pinnedSha256, loaded);
  else t.pass('only Linux is supported in production');
});
