/** Every bound of the service, by name. Units are the last word of a name. */
const KiB = 1024;
const MiB = 1024 * KiB;

/** What the contract allows in one `video_file`. */
export const videoFileMaxBytes = 100 * MiB;
/** A request whose length alone exceeds this is refused unread: the file's limit and room for the other parts. */
export const uploadBodyMaxBytes = 101 * MiB;
export const titleMaxCodePoints = 255;
/** A title of 255 four-byte code points, and a byte to see that it is longer. */
export const formFieldMaxBytes = 4 * 255 + 1;
export const multipartHeaderMaxBytes = 8 * KiB;
export const multipartMaxParts = 1_000;
export const multipartBoundaryMaxBytes = 70;

/** S3 wants at least this of every part but the last. */
export const partBytes = 5 * MiB;
/** The most that one read of a socket delivers (the receive buffer of uWebSockets.js). A reserved part has that much room behind it. */
export const socketChunkMaxBytes = 512 * KiB;
/** What the kernel holds at most of each connection's request, less than `socketChunkMaxBytes` when doubled by the kernel. */
export const socketReceiveBufferBytes = 208 * KiB;
/** What the kernel holds at most of each connection's response. The kernel doubles it. */
export const socketSendBufferBytes = 64 * KiB;
/** A response up to this size that ends its connection is handed to the server whole. */
export const closingResponseMaxBytes = 16 * KiB;
/** Parts are put together in pages of this size. */
export const partPageBytes = 64 * KiB;
/** Pages that are reserved for a whole part and for the chunk that completes it. */
export const reservedPartPages = (partBytes + socketChunkMaxBytes) / partPageBytes;
/** Pages of the whole instance: its web processes share them out. */
export const partPagesPerInstance = 28 * reservedPartPages;
/** Room for two whole parts beside the share of slow uploads, however many processes there are. */
export const partPagesPerProcessMin = 4 * reservedPartPages;
/** While an upload waits for pages, slow uploads hold at most this share of them. */
export const slowPagesShare = 0.4;
/** How often the pace of uploads is measured. */
export const uploadPaceTickMs = 100;
/** An upload that receives less between two ticks is slow: at once while another one waits, else after so many ticks in a row. */
export const reservedBytesPerTickMin = 64 * KiB;
export const slowTicksMax = 10;
/** Ticks over which the pace of an upload is averaged. */
export const uploadPaceTicks = 50;
/** Uploads of one user in progress at once, in one process. */
export const uploadsPerUserMax = 8;

/** What a client that was told 503 is asked to wait. */
export const unavailableRetryAfterSeconds = 2;
/** The same of a client whose slow upload made room for others, and of a user with too many uploads in progress. */
export const slowUploadRetryAfterSeconds = 30;
export const uploadsPerUserRetryAfterSeconds = 10;

export const uploadAdmissionWaitMs = 4_500;
/** What a process holds of request bodies that arrived before their upload was admitted, or while it was paused. */
export const heldBytesMax = 64 * MiB;
/** What one upload may hold of that while it is paused. */
export const heldBytesPerUploadMax = 8 * MiB;
export const uploadDeadlineMs = 15 * 60_000;
/** Clients may pause for 30 s. What is above is tolerance: for the network, and for the interval of the check. */
export const uploadStallMs = 33_000;
/** The least that an upload receives within the window: a client with 2 KiB/s sends more, though it pauses for most of the time. */
export const uploadFloorBytes = 8 * KiB;
export const uploadFloorWindowMs = 60_000;
/** How often an upload is checked, and its connection's time-out of 8 to 12 s is renewed. */
export const uploadCheckMs = 2_000;
/** One attempt of a call to S3, until its answer begins. */
export const s3CallDeadlineMs = 20_000;
/** A connection to S3 on which no byte moves for so long during a call is closed, in the middle of a body as well. */
export const s3SilenceMs = 12_000;
/** An unused connection to S3 is closed after this. Shorter than the silence, so that the next attempt opens a new connection. */
export const s3UnusedConnectionMs = 5_000;
/** A call to S3 without a file, all attempts and the body of the answer included. */
export const s3RequestDeadlineMs = 30_000;
/** A whole file from or to S3, all attempts included. */
export const s3FileDeadlineMs = 5 * 60_000;
export const s3ConnectTimeoutMs = 3_000;
export const s3ConnectionsMax = 256;
export const s3PartAttempts = 4;
export const s3RetryBaseMs = 100;
/** What a download holds of bytes that are on their way to the disk. */
export const fileWriteBufferBytes = 1 * MiB;
export const s3ErrorBodyMaxBytes = 4 * KiB;

/** What is read and dropped of a refused upload behind its answer, and for how long its connection is kept at the most. */
export const refusedBodyDrainMaxBytes = 1 * MiB;
export const refusedBodyDrainMs = 2_000;

export const jsonBodyMaxBytes = 64 * KiB;
export const jsonBodyDeadlineMs = 10_000;
/** How long a request may wait for Redis to count it, and for how long Redis is left alone when it could not. */
export const rateLimiterDeadlineMs = 150;
export const rateLimiterPauseMs = 1_000;
/** How late the end of a request's time may be noticed. */
export const deadlineCheckMs = 100;
export const requestDeadlineMs = 10_000;

export const databaseConnectionsPerProcess = 10;
export const statementTimeoutMs = 5_000;
/** Of one question by an upload, the wait for a connection included. */
export const databaseCallDeadlineMs = 8_000;
export const lockTimeoutMs = 3_000;
export const idleInTransactionTimeoutMs = 10_000;
export const databaseConnectTimeoutSeconds = 5;
export const databaseReconnectMaxSeconds = 1;
/** The server ends a statement itself. A connection that is silent for so much longer than that is dead, and is closed. */
export const databaseAnswerMarginMs = 3_000;
/** An unused connection is closed after this. Shorter than any silence that counts as dead, so that only a lost answer does. */
export const databaseUnusedConnectionSeconds = 5;
/** Idle time after which TCP asks whether the other end is alive, on either side; it asks so often, so far apart. */
export const keepAliveDelaySeconds = 10;
export const keepAliveIntervalSeconds = 3;
export const keepAliveProbes = 3;
/** How often the connection that holds a sweep's lock is used, and after what silence the server ends it and frees the lock. */
export const sweepLockRenewMs = 2_000;
export const sweepLockLostMs = 20_000;

export const queueAddDeadlineMs = 1_000;
export const redisConnectTimeoutMs = 2_000;
export const redisReconnectMaxMs = 1_000;
/** A connection to Redis that owes an answer for so long is dead, and is opened again. */
export const redisSilenceMs = 3_000;
/** The longest that BullMQ lets Redis block a worker that waits for a job, by its own constant. */
export const redisBlockMaxMs = 10_000;
/** Lifetime of the key that is written to see whether Redis takes writes. */
export const writableMarkSeconds = 60;
/** How many jobs a sweep looks at in one pass. */
export const queueListMax = 100_000;
/** Of a player's latest uploads, how many are looked through for a new one's place in line; the sweep knows the rest. */
export const uploadsRankedMax = 100;
/** The greatest priority BullMQ takes. */
export const jobRankMax = 2_097_151;
export const jobRetryBaseMs = 1_000;
export const jobRetryMaxMs = 30_000;
export const queueRetryMs = 1_000;

export const settingsCallDeadlineMs = 10_000;
export const settingsCallAttempts = 3;

export const passwordHashQueueMax = 64;
export const passwordHashRetryAfterSeconds = 1;
/** What a stored hash may ask of us: its own parameters decide what verifying it costs. */
export const passwordHashMaxMemoryKiB = 64 * 1024;
export const passwordHashMaxPasses = 10;
export const passwordHashMaxThreads = 4;
export const knownUsersMax = 100_000;
export const knownDomainsMax = 1_000;
export const verifiedTokensMax = 10_000;
/** How far the clocks of two instances may be apart before one refuses the other's fresh token. */
export const tokenClockSkewSeconds = 2;

export const votesPerBatchMax = 1_000;
export const votesWaitingMax = 20_000;
/** A second batch goes out beside the first when this many wait: fewer are cheaper together. */
export const votesForSecondBatchMin = 16;
export const voteBatchesInFlightMax = 2;

export const playbackUrlLifetimeSeconds = 3_600;
export const playbackUrlRefreshSeconds = 900;
export const playbackUrlsMax = 20_000;

/** Request lines go out together, at least this often. */
export const logFlushMs = 200;
export const logBufferMaxBytes = 64 * KiB;

export const shutdownDeadlineMs = 30_000;
/** What uploads under way have left once the process was told to stop; the rest of the deadline is for undoing. */
export const drainUploadsMs = 20_000;
/** How long an open connection without a request is waited for at the end. */
export const drainLingerMs = 1_000;
/** What a client waits at most for what its failed upload left to be taken away: the sweep takes the rest. */
export const undoWaitMs = 5_000;

/** How long an instance waits for another one's migrations, and a migration for a table. */
export const migrationWaitMs = 10 * 60_000;
export const migrationLockTimeoutMs = 30_000;

/** What an expected wait is computed from, and what is assumed of a video before one was processed. */
export const processingTimesAveraged = 20;
export const assumedProcessingSeconds = 20;

export const standingsListedMax = 20;
export const differencesListedMax = 100;
/** Counters locked at once by a repair, and so the longest that a vote has to wait for one. */
export const countersPerRepairBatch = 100;

/** Tools count whole tables. */
export const toolStatementTimeoutMs = 30 * 60_000;

export const knownUserSeconds = 60;
/** Where nobody reads a ranking, notes of votes wait that long for a fold. */
export const voteCountFlushMs = 1_000;
/** How long a process that stops waits for its last fold. */
export const lastFlushWaitMs = 2_000;
/** Notes folded in one statement: each holds as many users as its batch had videos. */
export const voteDeltasPerFlush = 300;
/** CachedResponse answers: refreshed from this age on, and never served at the other. */
export const responseCacheRefreshMs = 500;
export const responseCacheMaxAgeMs = 1_000;
export const responseCacheEntriesMax = 2_000;
export const responseCacheMaxBytes = 64 * MiB;
/** Shorter answers are not worth the headers that compression costs. */
export const compressedMinBytes = 1 * KiB;
/** Spellings of Accept-Encoding, and of queries, that are understood once. */
export const understoodTextsMax = 1_000;
/** The ranking is entered at every so many users, down to this depth. */
export const rankingsBookmarkEvery = 100;
export const rankingsBookmarkDepthMax = 1_000_000;
/** Filters whose bookmarks are kept. */
export const rankingsBookmarkedFiltersMax = 200;
/** A city filter that matches more cities than this is looked for in the ranking itself. */
export const rankingsCitiesMax = 64;
/** Nobody has this many players: a page past it is empty without asking the database. */
export const rankingsOffsetMax = 1_000_000_000;
export const readinessCheckMs = 2_000;
export const readinessFreshMs = 1_000;
/** How often a worker, which no balancer asks, checks what it needs. */
export const workerHealthCheckMs = 5_000;

/** What a player may send: a picture's longer and shorter side, and how long it runs. */
export const pictureLongSideMaxPixels = 4_096;
export const pictureShortSideMaxPixels = 2_304;
export const pictureMaxPixels = pictureLongSideMaxPixels * pictureShortSideMaxPixels;
export const sourceMaxSeconds = 600;
export const sourceMaxStreams = 32;
export const sourceMaxFramesPerSecond = 240;
/** Memory that is reserved for the worker itself and the system: at least this, and this share of a larger machine. */
export const machineReservedBytes = 384 * MiB;
export const machineReservedShare = 0.25;
/** What a run of FFmpeg may hold whatever its picture, where its share of the machine permits. */
export const toolMemoryFloorBytes = 1_280 * MiB;
/** Of each thread of a tool: a reservation, which the memory bound counts. */
export const toolStackBytes = 2 * MiB;
/** More threads than these no job uses: the cores that are left run other jobs. */
export const toolThreadsMax = 8;
/** Rows of a picture for each thread that works on it. */
export const rowsPerThreadMin = 90;
/** Processes and threads of a run: these, and so many for each thread that it is asked for. FFmpeg 7.1 has 46 with 8. */
export const toolTasksBase = 48;
export const toolTasksPerThread = 8;
/** Interval at which the processes of a tool are counted and their memory is added up. */
export const toolWatchMs = 500;
export const toolFileMaxBytes = 256 * MiB;
export const transcodeWallMs = 10 * 60_000;
/** Of the trial at start; two seconds are usual. */
export const capacityTrialWallMs = 60_000;
export const probeWallMs = 30_000;
export const toolOutputMaxBytes = 1 * MiB;
export const toolErrorTailBytes = 16 * KiB;
export const jobCrashesMax = 3;
/** The least pause before a job is retried that found the machine short of something. */
export const jobShortageRetryMs = 5_000;
export const drainPollMs = 50;
export const poolThreadHeapMiB = 64;
/** How long a pool thread, which is there for the asking, has to start FFmpeg. */
export const poolThreadStartMs = 30_000;
/** How long a pool thread has to end its process before it is ended itself. */
export const poolThreadEndMs = 5_000;
export const progressIntervalMs = 1_000;

export const objectSweepIntervalMs = 60_000;
export const sweepPageRows = 10_000;
export const sweepBatchKeys = 500;
export const ranksPerSweepMax = 500;
export const intentsPerSweepMax = 500;
/** Of one folder in one pass of a sweep. */
export const objectsPerSweepMax = 50_000;
/** A stopping worker lets jobs finish for this, and then has this to give them back. */
export const workerDrainMs = 20_000;
export const workerRequeueMs = 5_000;
export const workerDatabaseConnections = 6;
export const movieIndexMaxBytes = 16 * MiB;
/** Until a part that was cut off has been taken in or dropped by S3. */
export const abortAgainMs = 250;
