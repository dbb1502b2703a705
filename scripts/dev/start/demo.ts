import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openDatabase } from '../../../src/database/open.ts';
import { runTool } from '../../lib/run-tool.ts';
import type { Say } from '../../lib/steps.ts';
import { askJson, isPlayable, uploadVideo } from './demo-client.ts';
import { openProgress } from './progress.ts';

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

/** The main job once, visibly. Its failure is told and leaves the service running: that is what the start was for. */
export async function runDemo(options: DemoOptions): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'anb-demo-'));
  try {
    options.say('Demo workflow: two players, one video, one vote');
    await play(options, folder);
  } catch (error) {
    options.say(
      `Demo workflow FAILED, the service keeps running: ${error instanceof Error ? error.message : String(error)}`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function play({ baseUrl, videoPath, ffmpegPath, say }: DemoOptions, folder: string): Promise<void> {
  const ana = await joinGame(baseUrl, 'Ana', 'Ruiz', 'Bogotá');
  const luis = await joinGame(baseUrl, 'Luis', 'Mora', 'Medellín');
  say('  Ana Ruiz (Bogotá) and Luis Mora (Medellín) signed up and logged in');

  const clip = videoPath ?? (await makeClip(ffmpegPath, join(folder, 'clip.mp4')));
  const sending = openProgress(say, '  Upload');
  const upload = await uploadVideo(
    `${baseUrl}/api/videos/upload`,
    ana,
    { path: clip, title: 'First throw' },
    sending.show,
  );
  sending.end();
  const { task_id: taskId, video_id: videoId } = upload;
  await untilProcessed(baseUrl, ana, taskId, say);

  await askJson(`${baseUrl}/api/videos/${videoId}/publish`, { method: 'POST', token: ana });
  const vote = await askJson<{ message: string }>(`${baseUrl}/api/public/videos/${videoId}/vote`, {
    method: 'POST',
    token: luis,
  });
  say(`  Ana published the video. Luis voted: ${vote.message}`);
  await printRanking(baseUrl, say);
  await printPlayback(baseUrl, ana, videoId, say);
}

async function joinGame(baseUrl: string, firstName: string, lastName: string, city: string): Promise<string> {
  const email = `${firstName}.${lastName}@example.com`.toLowerCase();
  const password = `${firstName}-shows-skills`;
  const names = { first_name: firstName, last_name: lastName, city, country: 'Colombia' };
  await askJson(`${baseUrl}/api/auth/signup`, {
    method: 'POST',
    json: { ...names, email, password1: password, password2: password },
  });
  const answer = await askJson<{ access_token: string }>(`${baseUrl}/api/auth/login`, {
    method: 'POST',
    json: { email, password },
  });
  return answer.access_token;
}

async function makeClip(ffmpegPath: string, path: string): Promise<string> {
  await runTool(ffmpegPath, [
    ...['-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=size=1280x720:rate=30:duration=12'],
    ...['-f', 'lavfi', '-i', 'sine=frequency=440:duration=12', '-c:v', 'libx264', '-preset', 'ultrafast'],
    ...['-pix_fmt', 'yuv420p', '-c:a', 'aac', '-shortest', path],
  ]);
  return path;
}

interface Task {
  state: 'queued' | 'processing' | 'processed' | 'failed';
  progress: number;
  error: string | null;
}

const processingDeadlineMs = 10 * 60_000;

async function untilProcessed(baseUrl: string, token: string, taskId: string, say: Say): Promise<void> {
  const startedAt = performance.now();
  const working = openProgress(say, '  Processing');
  for (;;) {
    const task = await askJson<Task>(`${baseUrl}/api/tasks/${taskId}`, { token });
    if (task.state === 'failed') throw new Error(`Expected the video to be processed, got: ${task.error}`);
    working.show(task.state === 'processed' ? 100 : task.progress);
    if (task.state === 'processed') return working.end();
    if (performance.now() - startedAt > processingDeadlineMs)
      throw new Error(
        `Expected the video to be processed within ${processingDeadlineMs / 60_000} min, got ${task.state}`,
      );
    await sleep(250);
  }
}

async function printRanking(baseUrl: string, say: Say): Promise<void> {
  // A vote shows in the ranking within a second.
  await sleep(1_000);
  type Row = { position: number; username: string; city: string; votes: number };
  const ranking = await askJson<Row[]>(`${baseUrl}/api/public/rankings`);
  say('  Ranking:');
  for (const { position, username, city, votes } of ranking) say(`    ${position}. ${username} (${city}) ${votes}`);
}

async function printPlayback(baseUrl: string, token: string, videoId: number, say: Say): Promise<void> {
  const video = await askJson<{ playback_url: string | null }>(`${baseUrl}/api/videos/${videoId}`, { token });
  if (video.playback_url === null) throw new Error('Expected the video to have a playback_url, got none');
  if (!(await isPlayable(video.playback_url)))
    throw new Error(`Expected an MP4 at ${video.playback_url}, got something else`);
  say(`  The clip can be played at:\n    ${video.playback_url}`);
}
