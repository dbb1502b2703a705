import { createEnvironment, type Environment, type TestScope } from '../../support/environment.ts';
import { requireSetting } from '../../support/settings.ts';
import { type AwsFront, startAwsFront } from './aws-front.ts';
import { fillAws } from './fill-aws.ts';
import { type InstanceMetadata, startInstanceMetadata } from './instance-metadata.ts';
import { openMachine } from './machine.ts';
import { startMoto } from './moto.ts';
import { openReleaseStore, putRelease, type ReleaseStore } from './release-store.ts';

export type Machine = ReturnType<typeof openMachine>;

export interface Instances {
  environment: Environment;
  front: AwsFront;
  metadata: InstanceMetadata;
  store: ReleaseStore;
  release: { version: string; sha256: string };
  /** Makes a machine from the bare root with the file that the template writes before a start script. */
  openMachine(name: string, sha256?: string): Machine;
}

export const redisPassword = 'of-redis';

/**
 * Provides what instances need when they start: settings, release, role and group. Needs a separate network (made by
 * scripts/test/test-aws.ts), in which the ports and the metadata address are those of a real instance.
 */
export async function openInstances(t: TestScope, { rateLimits }: { rateLimits: 'on' | 'off' }): Promise<Instances> {
  const environment = await createEnvironment(t, { isMigrated: false, values: { SWEEP_GRACE_SECONDS: '1' } });
  const keys = {
    accessKeyId: environment.values['AWS_ACCESS_KEY_ID'] ?? '',
    secretAccessKey: environment.values['AWS_SECRET_ACCESS_KEY'] ?? '',
  };
  const front = await startAwsFront(t, await startMoto(t, environment.folder));
  const redisUrl = `redis://:${redisPassword}@127.0.0.1:6379`;
  await fillAws(front.endpoint, environment.values, {
    '/app/redis-hostname': 'anb-worker',
    '/app/redis-local': redisUrl,
    '/app/redis-worker-url': redisUrl,
  });
  const metadata = await startInstanceMetadata(t, keys);
  const store = await openReleaseStore(t, environment);
  const release = await putRelease(store, requireSetting('RELEASE_FOLDER'));
  return {
    environment,
    front,
    metadata,
    store,
    release,
    openMachine(name, sha256 = release.sha256) {
      const machine = openMachine(environment, name, 'instance.env', {
        RELEASE_BUCKET: store.bucket,
        RELEASE_VERSION: release.version,
        RELEASE_SHA256: sha256,
        GROUP_NAME: `anb-${name}`,
        ZONE_ID: name === 'worker' ? 'Z1' : 'none',
        RATE_LIMITS: rateLimits,
        AWS_ENDPOINT_URL: front.endpoint,
        READY_SECONDS: '60',
      });
      t.teardown(machine.stop);
      return machine;
    },
  };
}
