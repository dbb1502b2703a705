/** Names what the machine can lack while a tool runs, whatever the file. */
export type Shortage = 'memory' | 'processes' | 'disk' | 'encoder' | 'killed' | 'stopped' | 'sandbox';

interface ShortageRow {
  /** Compared with each line of the tool's errors that is not indented: indented lines quote the file's own metadata. */
  readonly line: RegExp;
  readonly shortage: Shortage;
}

/**
 * Maps the errors of FFmpeg, ffprobe and the sandbox's programs to shortages. The first row that matches any line decides. A file can
 * provoke some of the errors by declaring huge sizes, so the number of attempts is bounded.
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
  // A file does not influence the encoder's arguments, so it cannot make the encoder fail.
  { line: /Error while opening encoder/, shortage: 'encoder' },
  { line: /Error submitting video frame to the encoder/, shortage: 'encoder' },
  { line: /libx264.*Generic error in an external library/, shortage: 'encoder' },
  { line: /^Exiting normally, received signal/, shortage: 'stopped' },
  { line: /^Killed$/, shortage: 'killed' },
];

/** Returns the shortage and the line that reports it, or undefined when no line does. */
export function findShortage(errors: string): { shortage: Shortage; line: string } | undefined {
  const lines = errors.split('\n').filter((line) => !/^\s/.test(line));
  for (const { line: pattern, shortage } of shortageRows) {
    const line = lines.find((each) => pattern.test(each));
    if (line !== undefined) return { shortage, line };
  }
  return undefined;
}

/** Maps the codes of failed system calls, which start a tool or write into a job's folder. */
export const shortageByCode: ReadonlyMap<string, Shortage> = new Map([
  ['ENOSPC', 'disk'],
  ['EDQUOT', 'disk'],
  ['ENOMEM', 'memory'],
  ['EAGAIN', 'processes'],
  ['EMFILE', 'processes'],
  ['ENFILE', 'processes'],
]);

/** Maps the signals that come from outside. A tool that crashes gets others, SIGSEGV for example. */
export const shortageBySignal: ReadonlyMap<string, Shortage> = new Map([
  // Sent mostly by the kernel when memory is exhausted.
  ['SIGKILL', 'killed'],
  ['SIGTERM', 'killed'],
]);

/** Returns the explanation for the user when every attempt ended with a shortage. */
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
