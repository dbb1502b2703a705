import { check } from 'k6';
import exec from 'k6/execution';
import http from 'k6/http';
import { setTimeout } from 'k6/timers';
import { makePlayers, type Player } from './players.ts';
import { type ApiResponse, call } from './requests.ts';
import { readNumber } from './settings.ts';

interface Dataset {
  players: Player[];
  videos: number[];
}

interface Journey {
  routes: readonly string[];
  /** The number of players that the setup makes, unless USERS is set. */
  players: number;
  needsVideos: boolean;
  run(dataset: Dataset, i: number): Promise<unknown>;
}

/** An existing data set, from the file that DATASET names. */
const prepared = __ENV['DATASET'] === undefined ? undefined : (JSON.parse(open(__ENV['DATASET'])) as Dataset);
const video = __ENV['VIDEO'] === undefined ? undefined : open(__ENV['VIDEO'], 'b');

const journeys: Record<string, Journey> = {
  rankings: { routes: ['rankings'], players: 0, needsVideos: false, run: (_dataset, i) => readRankings(i) },
  login: { routes: ['login'], players: 10, needsVideos: false, run: logIn },
  upload: { routes: ['upload'], players: 2, needsVideos: false, run: upload },
  vote: { routes: ['vote'], players: 100, needsVideos: true, run: (dataset, i) => vote(dataset, i, dataset.videos) },
  'vote-hot': {
    routes: ['vote'],
    players: 100,
    needsVideos: true,
    run: (dataset, i) => vote(dataset, i, dataset.videos.slice(0, 1)),
  },
  'vote-attack': { routes: ['vote'], players: 1, needsVideos: true, run: attack },
  public: {
    routes: ['rankings', 'vote'],
    players: 100,
    needsVideos: true,
    run: (dataset, i) => (i % 2 === 1 ? vote(dataset, (i - 1) / 2, dataset.videos) : readRankings(i)),
  },
  writes: {
    routes: ['vote', 'upload'],
    players: 100,
    needsVideos: true,
    run: (dataset, i) => (i % 10 === 9 ? upload(dataset, i) : vote(dataset, i, dataset.videos)),
  },
  mixed: { routes: ['rankings', 'public-videos', 'login'], players: 5, needsVideos: false, run: mix },
};

const thinkMs = readNumber('THINK_MS', 0);
const journeyName = __ENV['JOURNEY'] ?? 'mixed';
const chosen = choose(journeyName);
export const routes = chosen.routes;

export async function prepare(): Promise<Dataset> {
  if (chosen.routes.includes('upload') && video === undefined)
    throw new Error('Expected VIDEO to name an MP4 file, got nothing');
  if (prepared !== undefined) return prepared;
  const players = await makePlayers(Number(__ENV['USERS'] ?? chosen.players));
  if (!chosen.needsVideos) return { players, videos: [] };
  const list = await call({ name: 'setup', path: '/api/public/videos?limit=100', statuses: [200], isSetup: true });
  const videos = (list.json() as { id: number }[]).map(({ id }) => id);
  if (videos.length === 0) throw new Error('Expected at least one public video to vote for, got none');
  return { players, videos };
}

export async function journey(dataset: Dataset): Promise<void> {
  await chosen.run(dataset, Number(__ENV['FIRST'] ?? 0) + exec.scenario.iterationInTest);
  if (thinkMs > 0) await think();
}

/** Waits for a random think time with an exponential distribution. */
function think(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, -Math.log(1 - Math.random()) * thinkMs);
  });
}

function choose(name: string): Journey {
  const found = journeys[name];
  if (found === undefined)
    throw new Error(`Expected JOURNEY to be one of ${Object.keys(journeys).join(', ')}, got ${name}`);
  return found;
}

function readRankings(i: number): Promise<ApiResponse> {
  return call({ name: 'rankings', path: `/api/public/rankings?page=${1 + (i % 5)}&limit=20`, statuses: [200] });
}

function readPublicVideos(): Promise<ApiResponse> {
  return call({ name: 'public-videos', path: '/api/public/videos?limit=20', statuses: [200] });
}

function logIn({ players }: Dataset, i: number): Promise<ApiResponse> {
  const { email, password } = pick(players, i);
  return call({ name: 'login', method: 'POST', path: '/api/auth/login', json: { email, password }, statuses: [200] });
}

function upload({ players }: Dataset, i: number): Promise<ApiResponse> {
  if (video === undefined) throw new Error('Expected VIDEO to name an MP4 file, got nothing');
  const form = { title: `Load ${i}`, video_file: http.file(video, 'load.mp4', 'video/mp4') };
  const { token } = pick(players, i);
  const path = '/api/videos/upload';
  return call({ name: 'upload', method: 'POST', path, token, form, statuses: [201], timeout: '300s' });
}

/** Each player votes once for each video. A run that needs more votes aborts, because a refusal costs less than a vote. */
function vote({ players }: Dataset, i: number, videos: readonly number[]): Promise<ApiResponse> {
  if (i >= players.length * videos.length) {
    exec.test.abort(`${players.length} players and ${videos.length} videos are too few: set USERS higher`);
  }
  const id = pick(videos, Math.floor(i / players.length));
  return sendVote(id, pick(players, i).token, [200]);
}

/** One player sends votes for one video repeatedly, two at a time. At most one vote may count. */
async function attack({ players, videos }: Dataset): Promise<void> {
  const { token } = pick(players, 0);
  const id = pick(videos, 0);
  const responses = await Promise.all([sendVote(id, token, [200, 400]), sendVote(id, token, [200, 400])]);
  check(responses, { 'a double vote counts once at most': ([a, b]) => !(a?.status === 200 && b?.status === 200) });
}

function sendVote(id: number, token: string, statuses: number[]): Promise<ApiResponse> {
  return call({ name: 'vote', method: 'POST', path: `/api/public/videos/${id}/vote`, token, statuses });
}

/** Mostly reads, and one login in twenty iterations. */
function mix(dataset: Dataset, i: number): Promise<ApiResponse> {
  if (i % 20 === 19) return logIn(dataset, i);
  return i % 4 === 3 ? readPublicVideos() : readRankings(i);
}

function pick<T>(list: readonly T[], i: number): T {
  const found = list[i % list.length];
  if (found === undefined) throw new Error('Expected something to pick from, got an empty list');
  return found;
}
