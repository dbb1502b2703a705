import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '../../../src/database/open.ts';
import { describeError } from '../../lib/describe-error.ts';
import { runTool } from '../../lib/run-tool.ts';
import type { Say } from '../../lib/steps.ts';
import { waitFor } from '../../lib/wait.ts';
import { isPlayable, requestJson, uploadVideo } from './demo-client.ts';

export interface DemoOptions {
  baseUrl: string;
  videoPath: string | undefined;
  ffmpegPath: string;
  say: Say;
}

export async function isDatabaseEmpty(databaseUrl: string): Promise<boolean> {
  const sql = openDatabase(databaseUrl, { connections: 1, applicationName: 'start' });
  try {
    const [row] = await sql<{ hasUsers: boolean }[]>`select exists (select 1 from users) as "hasUsers"`;
    return row?.hasUsers === false;
  } finally {
    await sql.end();
  }
}

/** Runs the main workflow once and prints its steps. A failure is printed, and the service keeps running. */
export async function runDemo(options: DemoOptions): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'anb-demo-'));
  try {
    options.say('Demo workflow: two players, one video, one vote');
    await play(options, folder);
  } catch (error) {
    options.say(`Demo workflow FAILED, the service keeps running: ${describeError(error)}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function play({ baseUrl, videoPath, ffmpegPath, say }: DemoOptions, folder: string): Promise<void> {
  const ana = await joinGame(baseUrl, 'Ana', 'Ruiz', 'Bogotá');
  const luis = await joinGame(baseUrl, 'Luis', 'Mora', 'Medellín');
  say('  Ana Ruiz (Bogotá) and Luis Mora (Medellín) signed up and logged in');

  const path = videoPath ?? (await makeClip(ffmpegPath, join(folder, 'clip.mp4')));
  const upload = await uploadVideo(`${baseUrl}/api/videos/upload`, ana, { path, title: 'First throw' });
  say(`  Ana uploaded ${(statSync(path).size / 1024 ** 2).toFixed(1)} MiB`);
  const { task_id: taskId, video_id: videoId } = upload;
  await untilProcessed(baseUrl, ana, taskId, say);

  await requestJson(`${baseUrl}/api/videos/${videoId}/publish`, { method: 'POST', token: ana });
  const voteUrl = `${baseUrl}/api/public/videos/${videoId}/vote`;
  const vote = await requestJson<{ message: string }>(voteUrl, { method: 'POST', token: luis });
  say(`  Ana published the video. Luis voted: ${vote.message}`);
  await printRanking(baseUrl, say);
  await printPlayback(baseUrl, ana, videoId, say);
}

async function joinGame(baseUrl: string, firstName: string, lastName: string, city: string): Promise<string> {
  const email = `${firstName}.${lastName}@example.com`.toLowerCase();
  const password = `${firstName}-shows-skills`;
  const names = { first_name: firstName, last_name: lastName, city, country: 'Colombia' };
  const user = { ...names, email, password1: password, password2: password };
  await requestJson(`${baseUrl}/api/auth/signup`, { method: 'POST', json: user });
  const login = { method: 'POST', json: { email, password } };
  return (await requestJson<{ access_token: string }>(`${baseUrl}/api/auth/login`, login)).access_token;
}

async function makeClip(ffmpegPath: string, path: string): Promise<string> {
  const inputs = '-f lavfi -i testsrc2=size=1280x720:rate=30:duration=12 -f lavfi -i sine=frequency=440:duration=12';
  const codecs = '-c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac -shortest';
  await runTool(ffmpegPath, [...`-v error ${inputs} ${codecs}`.split(' '), path]);
  return path;
}

interface Task {
  state: 'queued' | 'processing' | 'processed' | 'failed';
  error: string | null;
}

const processingTimeoutMs = 10 * 60_000;

async function untilProcessed(baseUrl: string, token: string, taskId: string, say: Say): Promise<void> {
  let shown = '';
  const task = await waitFor(
    'the video to be processed',
    async () => {
      const { state, error } = await requestJson<Task>(`${baseUrl}/api/tasks/${taskId}`, { token });
      if (state !== shown) say(`  Video ${state}`);
      shown = state;
      return ['processed', 'failed'].includes(state) && { state, error };
    },
    { timeoutMs: processingTimeoutMs, everyMs: 250 },
  );
  if (task.state === 'failed') throw new Error(`Expected the video to be processed, got: ${task.error}`);
}

async function printRanking(baseUrl: string, say: Say): Promise<void> {
  type Row = { position: number; username: string; city: string; votes: number };
  const url = `${baseUrl}/api/public/rankings`;
  // A vote appears in the ranking within a second.
  const ranking = await waitFor('the vote in the ranking', async () => {
    const rows = await requestJson<Row[]>(url);
    return rows[0]?.votes !== 0 && rows;
  });
  say('  Ranking:');
  for (const { position, username, city, votes } of ranking) say(`    ${position}. ${username} (${city}) ${votes}`);
}

async function printPlayback(baseUrl: string, token: string, videoId: number, say: Say): Promise<void> {
  const video = await requestJson<{ playback_url: string | null }>(`${baseUrl}/api/videos/${videoId}`, { token });
  if (video.playback_url === null) throw new Error('Expected the video to have a playback_url, got none');
  if (!(await isPlayable(video.playback_url))) throw new Error(`Expected an MP4 at ${video.playback_url}, got none`);
  say(`  The clip can be played at:\n    ${video.playback_url}`);
}
