import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import t from 'tap';
import { systemCallFilter } from '../../worker/system-call-filter.ts';
import {
  type Architecture,
  clone3Call,
  cloneCall,
  deniedCalls,
  firstUnknownCall,
  launcherCalls,
  numberOf,
} from '../../worker/system-calls.ts';

const audit = { x64: 0xc000003e, arm64: 0xc00000b7 } as const;
/** Calls that FFmpeg cannot do without. */
const needed = {
  read: [0, 63],
  write: [1, 64],
  mmap: [9, 222],
  futex: [202, 98],
  openat: [257, 56],
  exit_group: [231, 94],
  sched_getaffinity: [204, 123],
} as const;
const allow = 'allow';
const denied = `errno ${constants.errno.EPERM}`;
const unknown = `errno ${constants.errno.ENOSYS}`;

for (const architecture of ['x64', 'arm64'] as const) {
  t.test(`${architecture}: the filter lets through what FFmpeg needs and denies the rest by name`, async (t) => {
    const decide = openFilter(systemCallFilter(architecture), audit[architecture]);
    for (const [name, numbers] of Object.entries(needed))
      t.equal(decide(numberOf(numbers, architecture) ?? -1), allow, name);
    for (const [name, numbers] of Object.entries(deniedCalls)) {
      const number = numberOf(numbers, architecture);
      if (number !== undefined) t.equal(decide(number), denied, name);
    }
  });

  t.test(`${architecture}: threads may be made, namespaces not`, async (t) => {
    const decide = openFilter(systemCallFilter(architecture), audit[architecture]);
    const clone = numberOf(cloneCall, architecture) ?? 0;
    const threadFlags = 0x3d0f00;
    t.equal(decide(clone, threadFlags), allow);
    for (const bit of [17, 25, 26, 27, 28, 29, 30])
      t.equal(decide(clone, threadFlags | (1 << bit)), denied, `bit ${bit}`);
    t.equal(decide(numberOf(clone3Call, architecture) ?? 0), unknown);
  });

  t.test(`${architecture}: newer calls, the x32 ABI and other architectures do not get through`, async (t) => {
    const program = systemCallFilter(architecture);
    const decide = openFilter(program, audit[architecture]);
    for (const number of [firstUnknownCall, 467, 0x40000000, 0x400001ff, 0xffffffff]) t.equal(decide(number), unknown);
    t.equal(openFilter(program, 0x40000003)(1), 'kill');
  });

  t.test(`${architecture}: numbers are those of the kernel's headers`, async (t) => {
    const header = readHeader(architecture);
    if (header === undefined) return void t.plan(0, 'this machine does not have the headers');
    for (const [name, numbers] of Object.entries({ ...deniedCalls, ...launcherCalls, ...needed })) {
      const number = numberOf(numbers, architecture);
      if (number !== undefined && header.has(name)) t.equal(number, header.get(name), name);
    }
    t.ok(header.size > 250);
  });
}

/** Runs the program as the kernel would. Returns a function of a call's number and first argument. */
function openFilter(program: Buffer, architecture: number) {
  return (call: number, flags = 0): string => {
    const words = new Map([
      [0, call],
      [4, architecture],
      [16, flags >>> 0],
    ]);
    let word = 0;
    for (let at = 0; at * 8 < program.length; at += 1) {
      const [code, k] = [program.readUInt16LE(at * 8), program.readUInt32LE(at * 8 + 4)];
      if (code === 0x06) return nameOutcome(k);
      if (code === 0x20) word = words.get(k) ?? Number.NaN;
      else at += program.readUInt8(at * 8 + (test(code, word, k) ? 2 : 3));
    }
    throw new Error('Expected the program to return, got its end');
  };
}

function test(code: number, word: number, k: number): boolean {
  if (code === 0x15) return word === k;
  if (code === 0x35) return word >= k;
  if (code === 0x45) return (word & k) !== 0;
  throw new Error(`Expected a jump, got code ${code}`);
}

function nameOutcome(value: number): string {
  if (value === 0x7fff0000) return allow;
  if (value === 0x80000000) return 'kill';
  return `errno ${value & 0xffff}`;
}

/** arm64 has the generic numbers. Old calls stand there in conditional blocks, under numbers of their own from 1024 on. */
function readHeader(architecture: Architecture): ReadonlyMap<string, number> | undefined {
  const paths = {
    x64: '/usr/include/x86_64-linux-gnu/asm/unistd_64.h',
    arm64: '/usr/include/asm-generic/unistd.h',
  } as const;
  const path = paths[architecture];
  if (!existsSync(path)) return undefined;
  const defined = readFileSync(path, 'utf8').matchAll(/^#define __NR_(\w+)\s+(\d+)$/gm);
  return new Map([...defined].map(([, name, number]) => [name ?? '', Number(number)]));
}
