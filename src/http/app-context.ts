import type { VoteBatches } from '../actions/cast-vote.ts';
import type { VoteCountFlusher } from '../actions/flush-vote-counts.ts';
import type { Config } from '../config.ts';
import type { Sql } from '../database/open.ts';
import type { Logger, WebLog } from '../log.ts';
import type { WebMetrics } from '../metrics.ts';
import type { PartBuffers } from '../objects/part-buffers.ts';
import type { ObjectStore } from '../objects/store.ts';
import type { Passwords } from '../passwords.ts';
import type { ChangeCounter } from '../queries/change-counter.ts';
import type { KnownUsers } from '../queries/known-users.ts';
import type { MediaLinks } from '../queries/media-links.ts';
import type { PublicVideos } from '../queries/public-videos.ts';
import type { RankingsReader } from '../queries/rankings.ts';
import type { Readiness } from '../queries/readiness.ts';
import type { VideoProducer } from '../queue/video-queue.ts';
import type { LogInGuard } from '../rate-limits/log-in-guard.ts';
import type { RateLimiter } from '../rate-limits/rate-limiter.ts';
import type { Tokens } from '../tokens.ts';
import type { ReadClient } from './client-address.ts';
import type { HeldBytes } from './held-chunks.ts';
import type { UploadsPerUser } from './uploads-per-user.ts';

/** Holds everything that a request may need. main.ts opens it once and passes it down. */
export interface AppContext {
  readonly config: Config;
  readonly log: Logger;
  readonly logRequest: WebLog['logRequest'];
  readonly metrics: WebMetrics;
  readonly sql: Sql;
  readonly objects: ObjectStore;
  readonly producer: VideoProducer;
  readonly buffers: PartBuffers;
  readonly heldBytes: HeldBytes;
  readonly uploadsPerUser: UploadsPerUser;
  readonly passwords: Passwords;
  readonly tokens: Tokens;
  /** Absent where limits are off. */
  readonly throttle: RateLimiter | undefined;
  /** Absent where limits are off. */
  readonly logInGuard: LogInGuard | undefined;
  readonly readClient: ReadClient;
  readonly knownUsers: KnownUsers;
  readonly links: MediaLinks;
  readonly votes: VoteBatches;
  readonly voteCountFlusher: VoteCountFlusher;
  readonly rankings: RankingsReader;
  readonly publicVideos: PublicVideos;
  /** Count a change after its commit and before its response: then no process of the instance serves older cached responses. */
  readonly changes: ChangeCounter;
  readonly readiness: Readiness;
  /** `isDraining` is set once, on SIGTERM: new uploads are refused, those in flight finish or are cut off after a while. */
  readonly lifecycle: { isDraining: boolean; uploads: number; readonly cutOff: AbortController };
}
