import { constants } from 'node:os';
import { type Architecture, clone3Call, cloneCall, deniedCalls, firstUnknownCall, numberOf } from './system-calls.ts';

/**
 * Returns the seccomp filter of a tool: a BPF program in the format of the kernel and of `bwrap --seccomp`. Calls of another
 * architecture kill the process. `deniedCalls` and new namespaces fail with EPERM. Calls newer than the list fail with ENOSYS, so that
 * C libraries use older ones. So does clone3, whose flags a filter cannot read.
 */
export function systemCallFilter(architecture: Architecture): Buffer {
  const denied = Object.values(deniedCalls)
    .map((numbers) => numberOf(numbers, architecture))
    .filter((number) => number !== undefined);
  const clone = numberOf(cloneCall, architecture) ?? 0;
  const clone3 = numberOf(clone3Call, architecture) ?? 0;
  const checks: Step[] = [
    { ...loadWord, k: architectureOffset },
    { ...jumpIfEqual, k: auditArchitecture[architecture], ifFalse: 'kill' },
    { ...loadWord, k: numberOffset },
    // The calls of the x32 ABI have higher numbers as well.
    { ...jumpIfAtLeast, k: firstUnknownCall, ifTrue: 'unknown' },
    { ...jumpIfEqual, k: clone3, ifTrue: 'unknown' },
    ...denied.map((number) => ({ ...jumpIfEqual, k: number, ifTrue: 'deny' as const })),
    { ...jumpIfEqual, k: clone, ifFalse: 'allow' },
    { ...loadWord, k: firstArgumentOffset },
    { ...jumpIfAnySet, k: namespaceFlags, ifTrue: 'deny' },
  ];
  return assemble(checks);
}

type Outcome = 'allow' | 'deny' | 'unknown' | 'kill';

/** One instruction. Without `ifTrue` or `ifFalse` the program continues with the next step. */
interface Step {
  readonly code: number;
  readonly k: number;
  readonly ifTrue?: Outcome;
  readonly ifFalse?: Outcome;
}

const outcomes: readonly (readonly [Outcome, number])[] = [
  ['allow', 0x7fff0000],
  ['deny', 0x00050000 | constants.errno.EPERM],
  ['unknown', 0x00050000 | constants.errno.ENOSYS],
  ['kill', 0x80000000],
];

/** Encodes the program: the checks, then the outcomes. A jump is encoded as the number of instructions that it skips. */
function assemble(checks: readonly Step[]): Buffer {
  const program = Buffer.alloc((checks.length + outcomes.length) * 8);
  const distance = (at: number, outcome: Outcome | undefined) =>
    outcome === undefined ? 0 : checks.length + outcomes.findIndex(([name]) => name === outcome) - at - 1;
  const put = (at: number, code: number, ifTrue: number, ifFalse: number, k: number) => {
    program.writeUInt16LE(code, at * 8);
    program.writeUInt8(ifTrue, at * 8 + 2);
    program.writeUInt8(ifFalse, at * 8 + 3);
    program.writeUInt32LE(k, at * 8 + 4);
  };
  for (const [at, { code, k, ifTrue, ifFalse }] of checks.entries())
    put(at, code, distance(at, ifTrue), distance(at, ifFalse), k);
  for (const [i, [, value]] of outcomes.entries()) put(checks.length + i, returnCode, 0, 0, value);
  return program;
}

/** The codes are those of linux/bpf_common.h. */
const loadWord = { code: 0x20 };
const jumpIfEqual = { code: 0x15 };
const jumpIfAtLeast = { code: 0x35 };
const jumpIfAnySet = { code: 0x45 };
const returnCode = 0x06;
/** Offsets in struct seccomp_data. */
const numberOffset = 0;
const architectureOffset = 4;
const firstArgumentOffset = 16;
/** The values of AUDIT_ARCH_X86_64 and AUDIT_ARCH_AARCH64. */
const auditArchitecture = { x64: 0xc000003e, arm64: 0xc00000b7 } as const;
/** The flags CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET. */
const namespaceFlags = 0x7e020000;
