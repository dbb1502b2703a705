import t from 'tap';
import { ProcessCrashedError } from '../../worker/ffmpeg.ts';
import { InvalidVideoError } from '../../worker/invalid-video-error.ts';
import { StaleAttemptError } from '../../worker/publish.ts';
import { findFailure, videoQueuePolicy } from '../../worker/retry-policy.ts';

const noSpace = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });

const cases = [
  { error: new InvalidVideoError('no picture'), failure: 'invalid_video', isFinal: true, isCrash: false, pauseMs: 0 },
  { error: new StaleAttemptError(), failure: 'stale_attempt', isFinal: true, isCrash: false, pauseMs: 0 },
  { error: new ProcessCrashedError('x', 'memory'), failure: 'shortage', isFinal: false, isCrash: true, pauseMs: 5_000 },
  { error: noSpace, failure: 'shortage', isFinal: false, isCrash: true, pauseMs: 5_000 },
  { error: new ProcessCrashedError('x'), failure: 'crash', isFinal: false, isCrash: true, pauseMs: 0 },
  { error: new Error('S3 is down'), failure: 'other', isFinal: false, isCrash: false, pauseMs: 0 },
  { error: undefined, failure: 'other', isFinal: false, isCrash: false, pauseMs: 0 },
] as const;

t.test('each error of an attempt has one row of the policy', async (t) => {
  for (const { error, failure, isFinal, isCrash, pauseMs } of cases) {
    t.match(findFailure(error), { failure, isFinal, isCrash }, `${failure}: ${error?.message}`);
    t.equal(videoQueuePolicy.isFinal(error), isFinal);
    t.equal(videoQueuePolicy.pauseMinMs(error), pauseMs);
  }
});
