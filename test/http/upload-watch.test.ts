import t from 'tap';
import { watchUpload } from '../../src/http/upload-watch.ts';
import { uploadCheckMs, uploadFloorBytes, uploadFloorWindowMs, uploadStallMs } from '../../src/limits.ts';
import { openFakeClock } from '../support/fake-clock.ts';

function open() {
  const clock = openFakeClock();
  const late: string[] = [];
  const state = { isPaused: false, renewed: 0, late, clock };
  const watch = watchUpload(
    {
      isPaused: () => state.isPaused,
      renewIdleTimeout: () => {
        state.renewed += 1;
      },
      onLate: (reason) => late.push(reason),
    },
    clock,
  );
  return { ...watch, state, clock, late };
}

t.test('a body may pause for 30 s, and is ended when the pause goes on', async (t) => {
  const { count, clock, late } = open();
  for (let pauses = 0; pauses < 5; pauses += 1) {
    count(uploadFloorBytes);
    clock.advance(30_000);
    t.strictSame(late, []);
  }
  count(uploadFloorBytes);
  clock.advance(uploadStallMs + uploadCheckMs);
  t.strictSame(late, ['stalled']);
  clock.advance(60_000);
  t.strictSame(late, ['stalled'], 'once');
  t.equal(clock.timerCount(), 0);
});

t.test('2 KiB/s live for as long as an upload may last, with pauses of 30 s as well', async (t) => {
  const { count, clock, late } = open();
  for (let seconds = 0; seconds < 900; seconds += 1) {
    if (seconds % 45 < 15) count(2048);
    clock.advance(1_000);
  }
  t.strictSame(late, []);
});

t.test('less than the floor within the window ends the upload', async (t) => {
  const { count, clock, late } = open();
  const perSecond = (uploadFloorBytes * 0.9) / (uploadFloorWindowMs / 1000);
  for (let seconds = 0; seconds <= uploadFloorWindowMs / 1000 + 2; seconds += 1) {
    count(perSecond);
    clock.advance(1_000);
  }
  t.strictSame(late, ['slow']);
});

t.test('time in which the body is not read does not count', async (t) => {
  const { count, clock, late, state } = open();
  state.isPaused = true;
  clock.advance(10 * uploadFloorWindowMs);
  t.strictSame(late, []);
  t.equal(state.renewed, 0);
  state.isPaused = false;
  count(1);
  clock.advance(30_000);
  t.strictSame(late, []);
  t.ok(state.renewed >= 30_000 / uploadCheckMs - 1, 'the time-out of the connection is renewed');
});

t.test('nothing is watched after the end', async (t) => {
  const { stop, clock, late } = open();
  stop();
  clock.advance(10 * uploadFloorWindowMs);
  t.strictSame(late, []);
  t.equal(clock.timerCount(), 0);
});
