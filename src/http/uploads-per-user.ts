import { AppError } from '../errors.ts';
import { uploadsPerUserMax } from '../limits.ts';

export type UploadsPerUser = ReturnType<typeof openUploadsPerUser>;

/** Counts the uploads in flight of each user in this process. */
export function openUploadsPerUser() {
  const counts = new Map<number, number>();

  return {
    /** Throws 429 when the user has too many. Call `end` once for each `begin` that has returned. */
    begin(userId: number): void {
      const count = counts.get(userId) ?? 0;
      if (count >= uploadsPerUserMax)
        throw new AppError('too_many_own_uploads', { values: { uploadsMax: uploadsPerUserMax } });
      counts.set(userId, count + 1);
    },
    end(userId: number): void {
      const count = counts.get(userId) ?? 0;
      if (count > 1) counts.set(userId, count - 1);
      else counts.delete(userId);
    },
    users: () => counts.size,
  };
}
