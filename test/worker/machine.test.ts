import { mkdir, writeFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { readMachine, readMemoryLimit } from '../../worker/machine.ts';
import { makeFolder } from './support/clips.ts';

const unlimited = '9223372036854771712\n';

t.test('version 2: the least limit of the group and of those above it', async (t) => {
  const root = await makeRoot(t, {
    'proc/self/cgroup': '0::/system.slice/worker.service\n',
    'sys/fs/cgroup/system.slice/memory.max': '1073741824\n',
    'sys/fs/cgroup/system.slice/worker.service/memory.max': 'max\n',
  });
  t.equal(readMemoryLimit(root), 1_073_741_824);
});

t.test('version 2 in a container, which sees its own group at the top', async (t) => {
  const root = await makeRoot(t, { 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/memory.max': '536870912\n' });
  t.equal(readMemoryLimit(root), 536_870_912);
});

t.test('version 1, and both at once', async (t) => {
  const root = await makeRoot(t, {
    'proc/self/cgroup': '8:pids:/\n4:cpu,memory:/a/b\n1:name=systemd:/\n0::/\n',
    'sys/fs/cgroup/memory/memory.limit_in_bytes': unlimited,
    'sys/fs/cgroup/memory/a/memory.limit_in_bytes': '700000000\n',
    'sys/fs/cgroup/memory/a/b/memory.limit_in_bytes': '800000000\n',
  });
  t.equal(readMemoryLimit(root), 700_000_000);
});

t.test('version 1 in a container: the path is the host’s, and the group is at the mount’s top', async (t) => {
  const root = await makeRoot(t, {
    'proc/self/cgroup': '4:memory:/docker/0123\n',
    'sys/fs/cgroup/memory/memory.limit_in_bytes': '600000000\n',
  });
  t.equal(readMemoryLimit(root), 600_000_000);
});

t.test('no limit, and no control groups at all', async (t) => {
  const root = await makeRoot(t, {
    'proc/self/cgroup': '4:memory:/\n',
    'sys/fs/cgroup/memory/memory.limit_in_bytes': unlimited,
  });
  t.equal(readMemoryLimit(root), undefined);
  t.equal(readMemoryLimit(await makeFolder(t)), undefined);
});

t.test('settings come first, and memory is never more than the machine has', async (t) => {
  t.same(readMachine({ cores: 16, memoryMiB: 512 }), { cores: 16, memoryBytes: 512 * 1024 * 1024 });
  const found = readMachine({ cores: 0, memoryMiB: 0 });
  t.ok(found.cores >= 1 && found.memoryBytes > 0 && found.memoryBytes <= totalmem());
  t.equal(readMachine({ cores: 1, memoryMiB: 16_000_000 }).memoryBytes, totalmem());
});

async function makeRoot(t: Test, files: Record<string, string>): Promise<string> {
  const root = await makeFolder(t);
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  return root;
}
