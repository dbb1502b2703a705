import { startS3Sink } from '../../scripts/dev/testbed/s3-sink.ts';
import { makeBenchFolder, openBenchPostgres, startWebProcess } from '../../scripts/dev/testbed/servers.ts';
import { fillVoteRows } from '../../scripts/dev/testbed/vote-rows.ts';
import type { Wrap } from '../../scripts/lib/wrap.ts';
import { readProductionNode } from '../../scripts/test/production/node-binary.ts';
import { openProductionSystem } from '../../scripts/test/production/system.ts';
import { atMost, type BenchCase, type Candidate, type Target } from '../lib/bench-case.ts';
import { openOurs } from '../lib/upload-servers.ts';
import { loadPage, page } from './rankings.ts';
import { createCandidate as loadUploads } from './upload.ts';

const rows = { users: 5_000, videos: 1_000, votes: 50_000 };
const uploadsAtOnce = 4;
const connections = 32;

/** Measures the CPU time of the web process. Load generator, PostgreSQL and the S3 sink run on this Node.js both times. */
export const benchCase: BenchCase = {
  name: 'production',
  summary: 'Uploads and rankings on the production system and its Node.js, compared with this Node.js',
  async open(defer) {
    const system = await openProductionSystem();
    const node = readProductionNode();
    const wraps: Record<string, Wrap | undefined> = {
      [`Node.js ${node.version}`]: (args) => system.wrap(node, args),
      'this Node.js': undefined,
    };
    const folder = makeBenchFolder(defer);
    const { plain } = await startS3Sink(folder, defer);
    const ours = await openOurs(folder, defer);
    const postgres = await openBenchPostgres(makeBenchFolder(defer), defer);
    await fillVoteRows(postgres.sql, rows);
    const candidates: Candidate[] = [];
    for (const [name, wrap] of Object.entries(wraps)) {
      const uploads = await ours.start(plain, wrap);
      const rankings = await startWebProcess(folder, { DATABASE_URL: postgres.url }, defer, wrap);
      candidates.push(loadUploads(`uploads, ${name}`, uploads, ours.token, uploadsAtOnce));
      candidates.push(loadPage(`rankings, ${name}`, rankings, page, postgres.pid, connections));
    }
    const runMetadata = { production: { node: node.version, system: system.description }, rows, connections };
    return { candidates, targets: listTargets(node.version), runMetadata };
  },
};

function listTargets(version: string): Target[] {
  const figures = { uploads: 'cpuSecondsPer100MiB', rankings: 'cpuUsPerRequest' };
  return Object.entries(figures).map(([load, figure]) => {
    const what = `CPU of ${load}: Node.js ${version} / this Node.js`;
    return atMost(what, [`${load}, Node.js ${version}`, figure], 1.15, [`${load}, this Node.js`, figure]);
  });
}
