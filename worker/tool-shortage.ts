/** What the machine, never the file, can lack while a tool runs. */
export type Shortage = 'memory' | 'processes' | 'disk' | 'encoder' | 'killed' | 'stopped' | 'sandbox';

interface ShortageRow {
  /** Compared with each line of the tool's errors that is not indented: indented lines quote the file's own metadata. */
  readonly line: RegExp;
  readonly shortage: Shortage;
}

/**
 * What FFmpeg, ffprobe and the sandbox's programs say when the machine lacks something. The first row that fits any line
 * decides. A file can provoke some of them, by declaring sizes that nothing could hold: attempts are bounded for that reason.
 */
export const shortageRows: readonly ShortageRow[] = [
  { line: /No space left on device/, shortage: 'disk' },
  { line: /Disk quota exceeded/, shortage: 'disk' },
  {
    line: /^(?:bwrap|isolate|prlimit|setpriv):.*(?:Resource temporarily unavailable|No space left|Too many)/,
    shortage: 'processes',
  },
  { line: /^(?:bwrap|isolate|prlimit|setpriv):/, shortage: 'sandbox' },
  { line: /malloc of size \d+ failed/, shortage: 'memory' },
  { line: /Cannot allocate memory/, shortage: 'memory' },
  { line: /memory exhausted|Out of memory/i, shortage: 'memory' },
  { line: /std::bad_alloc/, shortage: 'memory' },
  { line: /Resource temporarily unavailable/, shortage: 'processes' },
  { line: /pthread_create(?:\(\))? failed/, shortage: 'processes' },
  { line: /Too many open files/, shortage: 'processes' },
  // The encoder's arguments are ours alone, so that no file can make it fail.
  { line: /Error while opening encoder/, shortage: 'encoder' },
  { line: /Error submitting video frame to the encoder/, shortage: 'encoder' },
  { line: /libx264.*Generic error in an external library/, shortage: 'encoder' },
  { line: /^Exiting normally, received signal/, shortage: 'stopped' },
  { line: /^Killed$/, shortage: 'killed' },
];

/** Returns what the machine lacked, and the line in which the tool said so, or undefined where it said nothing of the kind. */
export function findShortage(errors: string): { shortage: Shortage; line: string } | undefined {
  const lines = errors.split('\n').filter((line) => !/^\s/.test(line));
  for (const { line: pattern, shortage } of shortageRows) {
    const line = lines.find((each) => pattern.test(each));
    if (line !== undefined) return { shortage, line };
  }
  return undefined;
}

/** What a failed system call says: of starting a tool, or of writing into a job's folder. */
export const shortageByCode: ReadonlyMap<string, Shortage> = new Map([
  ['ENOSPC', 'disk'],
  ['EDQUOT', 'disk'],
  ['ENOMEM', 'memory'],
  ['EAGAIN', 'processes'],
  ['EMFILE', 'processes'],
  ['ENFILE', 'processes'],
]);

/** Signals that the tool did not send itself. A tool that dies by its own fault gets others, SIGSEGV for example. */
export const shortageBySignal: ReadonlyMap<string, Shortage> = new Map([
  // From outside, mostly from the kernel that has no memory left.
  ['SIGKILL', 'killed'],
  ['SIGTERM', 'killed'],
]);

/** What the player reads when every attempt ended like this. */
export function explainShortage(shortage: Shortage | undefined): string {
  const what = shortage === undefined ? 'every attempt at it was cut short' : explanations[shortage];
  return `The video could not be processed: ${what}. The fault is on our side; please upload the video again later.`;
}

const explanations: Record<Shortage, string> = {
  memory: 'our server ran out of memory at every attempt',
  processes: 'our server could not start enough processes at every attempt',
  disk: 'our server ran out of disk space at every attempt',
  encoder: 'our encoder could not be started at every attempt',
  killed: 'our encoder was stopped from outside at every attempt',
  stopped: 'our encoder was stopped from outside at every attempt',
  sandbox: 'our sandbox could not be started at every attempt',
};
