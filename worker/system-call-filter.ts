import { constants } from 'node:os';
import { type Architecture, clone3Call, cloneCall, deniedCalls, firstUnknownCall, numberOf } from './system-calls.ts';

/**
 * Returns the seccomp filter of a tool: a BPF program as the kernel and `bwrap --seccomp` take it. Calls of another
 * architecture end the process; `deniedCalls` and new namespaces fail with EPERM; calls that are newer than the list, and
 * clone3, whose flags a filter cannot read, fail with ENOSYS, so that C libraries use older ones.
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
    // The numbers of the x32 ABI are beyond these as well.
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

/** Without `ifTrue` or `ifFalse` the next step follows. */
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

/** The outcomes stand behind the checks. A jump counts the instructions that it skips. */
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

/** From linux/bpf_common.h. */
const loadWord = { code: 0x20 };
const jumpIfEqual = { code: 0x15 };
const jumpIfAtLeast = { code: 0x35 };
const jumpIfAnySet = { code: 0x45 };
const returnCode = 0x06;
/** Of struct seccomp_data. */
const numberOffset = 0;
const architectureOffset = 4;
const firstArgumentOffset = 16;
/** AUDIT_ARCH_X86_64 and AUDIT_ARCH_AARCH64. */
const auditArchitecture = { x64: 0xc000003e, arm64: 0xc00000b7 } as const;
/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET. */
const namespaceFlags = 0x7e020000;
