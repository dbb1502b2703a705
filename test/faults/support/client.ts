import type { LedgerEntry } from '../../../scripts/ops/invariants/ledger.ts';
import { type RawOutcome, type RawUpload, uploadRaw } from './raw-upload.ts';
import type { TestVideo } from './video.ts';

/** Uploads and records what was acknowledged in a ledger: nothing in the ledger may be lost. */
export function openUploadClient() {
  const ledger: LedgerEntry[] = [];
  const statuses: Record<string, number> = {};

  async function upload(
    video: TestVideo,
    to: Pick<RawUpload, 'port' | 'token'> & Partial<RawUpload>,
  ): Promise<RawOutcome> {
    const outcome = await uploadRaw({ contentType: video.form.headers['content-type'], body: video.form.body, ...to });
    const name = outcome.kind === 'answered' ? String(outcome.status) : outcome.reason;
    statuses[name] = (statuses[name] ?? 0) + 1;
    if (outcome.kind === 'answered' && outcome.status === 201) {
      const answer = JSON.parse(outcome.text) as { task_id: string; video_id: number };
      ledger.push({ status: 201, sha256: video.sha256, bytes: video.bytes.length, ...answer });
    }
    return outcome;
  }

  return { ledger, statuses, upload };
}
