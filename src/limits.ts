/** This module names every bound of the service, but those of the worker alone, which worker/limits.ts names. Units are the last word of a name. */
export const KiB = 1024;
export const MiB = 1024 * KiB;

/** The maximum size of a `video_file`. */
export const videoFileMaxBytes = 100 * MiB;
/** The maximum Content-Length of an upload: the file's limit and room for the other parts. A longer body is not read. */
export const uploadBodyMaxBytes = 101 * MiB;
export const titleMaxCodePoints = 255;
/** A title of 255 four-byte code points, and one byte by which a longer title is detected. */
export const formFieldMaxBytes = 4 * 255 + 1;
export const multipartHeaderMaxBytes = 8 * KiB;
export const multipartMaxParts = 1_000;
export const multipartBoundaryMaxBytes = 250;

/** S3's minimum size of every part but the last. */
export const partBytes = 5 * MiB;
/** The maximum size of a chunk from a socket (the receive buffer of uWebSockets.js). A reserved part has this much room after it. */
export const socketChunkMaxBytes = 512 * KiB;
/** The kernel's receive buffer of each connection. The kernel doubles it, which must stay below `socketChunkMaxBytes`. */
export const socketReceiveBufferBytes = 208 * KiB;
/** The kernel's send buffer of each connection. The kernel doubles it. */
export const socketSendBufferBytes = 64 * KiB;
/** The maximum size of a request's line and header fields. The server responds to more with 431. */
export const requestHeadMaxBytes = 16 * KiB;
/**
 * What `Keep-Alive` promises. The server closes a connection that is idle for 8 to 12 s, and a request may be on its way for up to a
 * second.
 */
export const keepAliveSeconds = 7;
/** The maximum size of a response that is passed to the server whole although it closes the connection. */
export const closingResponseMaxBytes = 16 * KiB;
/** Videos of one user that wait to be processed, so that none fills the queue. */
export const waitingVideosPerUserMax = 20;
export const waitingVideosRetryAfterSeconds = 60;
/** Size of a page. Parts are assembled from pages. */
export const partPageBytes = 64 * KiB;
/** Pages that are reserved for a whole part and for the chunk that completes it. */
export const reservedPartPages = (partBytes + socketChunkMaxBytes) / partPageBytes;
/** Pages of the whole instance, divided among its web processes. */
export const partPagesPerInstance = 28 * reservedPartPages;
/** Minimum pages of a process: room for two whole parts beside the share of slow uploads. */
export const partPagesPerProcessMin = 4 * reservedPartPages;
/** While an upload waits for pages, slow uploads hold at most this share of them. */
export const slowPagesShare = 0.4;
/** Interval at which the pace of uploads is measured. */
export const uploadPaceTickMs = 100;
/** Minimum that a reserved upload must receive between two ticks. See `openPartBuffers`. */
export const reservedBytesPerTickMin = 64 * KiB;
export const slowTicksMax = 10;
/** Ticks over which the pace of an upload is averaged. */
export const uploadPaceTicks = 50;
/** Uploads of one user in flight at once, in one process. */
export const uploadsPerUserMax = 8;

/** Retry-After of a 503 response. */
export const unavailableRetryAfterSeconds = 2;
/** Retry-After for a client whose slow upload was evicted, and for a user with too many uploads in flight. */
export const slowUploadRetryAfterSeconds = 30;
export const uploadsPerUserRetryAfterSeconds = 10;

export const uploadAdmissionWaitMs = 4_500;
/** Bytes that a process holds of request bodies whose uploads are not admitted yet, or paused. */
export const heldBytesMax = 64 * MiB;
/** The maximum that one paused upload may hold of them. */
export const heldBytesPerUploadMax = 8 * MiB;
export const uploadDeadlineMs = 15 * 60_000;
/** Clients may pause for 30 s. The rest is tolerance for the network and for the interval of the check. */
export const uploadStallMs = 33_000;
/** Minimum that an upload must receive within the window. A client with 2 KiB/s sends more even if it often pauses. */
export const uploadFloorBytes = 8 * KiB;
export const uploadFloorWindowMs = 60_000;
/** How often an upload is checked, and its connection's time-out of 8 to 12 s is renewed. */
export const uploadCheckMs = 2_000;
/** Deadline of one attempt of a call to S3, until its response begins. */
export const s3CallDeadlineMs = 20_000;
/** A connection to S3 without a byte in either direction for this long during a call is closed. */
export const s3SilenceMs = 12_000;
/** Idle time after which a connection to S3 is closed. Shorter than the silence, so that the next attempt opens a new connection. */
export const s3UnusedConnectionMs = 5_000;
/** Deadline of a call to S3 without a file, all attempts and the body of the response included. */
export const s3RequestDeadlineMs = 30_000;
/** Deadline of the transfer of a whole file from or to S3, all attempts included. */
export const s3FileDeadlineMs = 5 * 60_000;
export const s3ConnectTimeoutMs = 3_000;
export const s3ConnectionsMax = 256;
export const s3PartAttempts = 4;
export const s3RetryBaseMs = 100;
/** Buffer of a download between the socket and the disk. */
export const fileWriteBufferBytes = 1 * MiB;
export const s3ErrorBodyMaxBytes = 4 * KiB;

/** Bytes of a rejected upload that are drained after its response, and the time for which the connection stays open for it. */
export const refusedBodyDrainMaxBytes = 1 * MiB;
export const refusedBodyDrainMs = 2_000;

/** How long a browser may remember the response to a preflight request. */
export const corsMaxAgeSeconds = 7_200;
export const jsonBodyMaxBytes = 64 * KiB;
export const jsonBodyDeadlineMs = 10_000;
/** Deadline of a rate limiter's call to Redis, and the pause after a call that failed. */
export const rateLimiterDeadlineMs = 150;
export const rateLimiterPauseMs = 1_000;
/** Keys of one limit that a process counts by itself while Redis is unavailable. */
export const localLimitKeysMax = 50_000;
/** Interval of the warnings while Redis is unavailable. */
export const rateLimiterWarningMs = 60_000;
/** Interval at which requests' time-outs are checked. */
export const deadlineCheckMs = 100;
export const requestDeadlineMs = 10_000;

export const databaseConnectionsPerProcess = 10;
export const statementTimeoutMs = 5_000;
/** Deadline of a query by an upload, the wait for a connection included. */
export const databaseCallDeadlineMs = 8_000;
export const lockTimeoutMs = 3_000;
export const idleInTransactionTimeoutMs = 10_000;
export const databaseConnectTimeoutSeconds = 5;
export const databaseReconnectMaxSeconds = 1;
/** The server ends a statement at its time-out. A connection without an answer for this much longer is lost, and is closed. */
export const databaseAnswerMarginMs = 3_000;
/** Idle time after which a connection is closed. Shorter than the silence of a lost connection, so that only a query can time out. */
export const databaseUnusedConnectionSeconds = 5;
/** TCP keep-alive on both sides: idle time before the first probe, interval and number of the probes. */
export const keepAliveDelaySeconds = 10;
export const keepAliveIntervalSeconds = 3;
export const keepAliveProbes = 3;
/** Interval at which the connection of a sweep's lock is used, and the idle time after which the server ends it. */
export const sweepLockRenewMs = 2_000;
export const sweepLockLostMs = 20_000;

export const queueAddDeadlineMs = 1_000;
export const redisConnectTimeoutMs = 2_000;
export const redisReconnectMaxMs = 1_000;
/** A connection to Redis without a reply for this long is lost, and is opened again. */
export const redisSilenceMs = 3_000;
/** BullMQ's maximum time of a blocking command, with which a worker waits for a job. */
export const redisBlockMaxMs = 10_000;
/** Lifetime of the key that is written to check whether Redis accepts writes. */
export const writableMarkSeconds = 60;
/** Jobs that a sweep lists in one pass. */
export const queueListMax = 100_000;
/** Latest uploads of a user that are counted for the rank of a new one. The sweep corrects the rank if there are more. */
export const uploadsRankedMax = 100;
/** BullMQ's largest priority. */
export const jobRankMax = 2_097_151;
export const queueRetryMs = 1_000;

export const settingsCallDeadlineMs = 10_000;
export const settingsCallAttempts = 3;

/** Number of common passwords that are refused, counted without those that are too short. */
export const commonPasswordsRefused = 3_000;
export const passwordMinCodePoints = 8;
export const passwordMaxCodePoints = 128;
export const passwordHashQueueMax = 64;
export const passwordHashRetryAfterSeconds = 1;
/** Limits of a stored hash's parameters, which decide the cost of verifying it. */
export const passwordHashMaxMemoryKiB = 64 * 1024;
export const passwordHashMaxPasses = 10;
export const passwordHashMaxThreads = 4;
export const knownUsersMax = 100_000;
export const knownDomainsMax = 1_000;
/** Minimum size of the tokens' key. A shorter one could be guessed from a token (RFC 7518, 3.2). */
export const secretKeyMinBytes = 32;
export const verifiedTokensMax = 10_000;
/** Clock skew between instances that is accepted in a new token. */
export const tokenClockSkewSeconds = 2;

export const votesPerBatchMax = 1_000;
export const votesWaitingMax = 20_000;
/** Waiting votes from which a second batch is sent beside the first. Fewer are cheaper in one batch. */
export const votesForSecondBatchMin = 16;
export const voteBatchesInFlightMax = 2;

/** Attempts at the deletion of an account, which is retried when its user votes or uploads meanwhile. */
export const accountDeletionAttempts = 5;
/** Objects of an account that are deleted concurrently. */
export const keysPerDeletion = 30;

export const playbackUrlLifetimeSeconds = 3_600;
export const playbackUrlRefreshSeconds = 900;
export const playbackUrlsMax = 20_000;

/** Interval at which buffered request lines are written. */
export const logFlushMs = 200;
export const logBufferMaxBytes = 64 * KiB;

export const shutdownDeadlineMs = 30_000;
/** Time that uploads in flight have when the process stops. The rest of the deadline is for their rollback. */
export const drainUploadsMs = 20_000;
/** Time for which idle connections are kept open at the end of a drain. */
export const drainLingerMs = 1_000;
/** Deadline of the rollback of a failed upload, for which its client waits. The sweep removes what is left. */
export const undoWaitMs = 5_000;

/** Time-outs of the wait for another instance's migrations, and of a migration's wait for a table. */
export const migrationWaitMs = 10 * 60_000;
export const migrationLockTimeoutMs = 30_000;

/** Videos over which the processing time is averaged, and the time assumed before any video was processed. */
export const processingTimesAveraged = 20;
export const assumedProcessingSeconds = 20;

export const standingsListedMax = 20;
export const differencesListedMax = 100;
/** Counters that a repair locks at once, which bounds the time that a vote waits for one. */
export const countersPerRepairBatch = 100;

/** Statement time-out of command-line tools, which scan whole tables. */
export const toolStatementTimeoutMs = 30 * 60_000;

export const knownUserSeconds = 60;
/** Interval at which a process reads which tokens were revoked. */
export const tokenRevocationPollMs = 1_000;
/** Age of the last read at which the cache of users is no longer used, so that a revoked token is refused within 5 s. */
export const tokenRevocationsTrustMs = 4_000;
/** Period of the revocations that are read. Longer than a user is cached, by more than a revoking transaction can take. */
export const tokenRevocationsReadSeconds = 90;
export const tokenRevocationsKeptSeconds = 600;
/** The longest time that vote deltas wait for a flush. */
export const voteCountFlushMs = 1_000;
/** Time that a stopping process waits for its last flush. */
export const lastFlushWaitMs = 2_000;
/** Rows of deltas that one statement flushes. A row has as many users as its batch had videos. */
export const voteDeltasPerFlush = 300;
/** Ages at which a cached response is refreshed, and from which it is no longer served. */
export const responseCacheRefreshMs = 500;
export const responseCacheMaxAgeMs = 1_000;
export const responseCacheEntriesMax = 2_000;
export const responseCacheMaxBytes = 64 * MiB;
/** Minimum size of a compressed response. In smaller ones the headers of compression outweigh its savings. */
export const compressedMinBytes = 1 * KiB;
/** Entries of the caches of parsed Accept-Encoding headers and query strings. */
export const understoodTextsMax = 1_000;
/** A bookmark is recorded every so many users of the ranking, down to this depth. */
export const rankingsBookmarkEvery = 100;
export const rankingsBookmarkDepthMax = 1_000_000;
/** Filters whose bookmarks are kept. */
export const rankingsBookmarkedFiltersMax = 200;
/** A filter that matches more cities than this scans the whole ranking. */
export const rankingsCitiesMax = 64;
/** More users than there can be: a page beyond is empty without a query. */
export const rankingsOffsetMax = 1_000_000_000;
export const readinessCheckMs = 2_000;
export const readinessFreshMs = 1_000;

export const drainPollMs = 50;

/** Pause before the second abort of a multipart upload. Meanwhile S3 may still store a part whose request was cut off. */
export const abortAgainMs = 250;
