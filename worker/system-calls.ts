/** The numbers of a Linux system call: x64, then arm64. Undefined if the architecture does not have the call. */
type Numbers = readonly [x64: number | undefined, arm64: number | undefined];

export type Architecture = 'x64' | 'arm64';

/** The calls that isolate.pl makes. */
export const launcherCalls = {
  capset: [126, 91],
  mount: [165, 40],
  mount_setattr: [442, 442],
  pivot_root: [155, 41],
  prctl: [157, 167],
  setgroups: [116, 159],
  setresgid: [119, 149],
  setresuid: [117, 147],
  umount2: [166, 39],
  unshare: [272, 97],
} as const satisfies Record<string, Numbers>;

/** Calls that neither FFmpeg nor its libraries need, and that reach the kernel, other processes or memory that no limit counts. */
export const deniedCalls = {
  // Other processes.
  ptrace: [101, 117],
  process_vm_readv: [310, 270],
  process_vm_writev: [311, 271],
  process_madvise: [440, 440],
  process_mrelease: [448, 448],
  kcmp: [312, 272],
  pidfd_open: [434, 434],
  pidfd_getfd: [438, 438],
  pidfd_send_signal: [424, 424],
  // Mounts and namespaces.
  mount: [165, 40],
  umount2: [166, 39],
  pivot_root: [155, 41],
  chroot: [161, 51],
  unshare: [272, 97],
  setns: [308, 268],
  open_tree: [428, 428],
  move_mount: [429, 429],
  fsopen: [430, 430],
  fsconfig: [431, 431],
  fsmount: [432, 432],
  fspick: [433, 433],
  mount_setattr: [442, 442],
  name_to_handle_at: [303, 264],
  open_by_handle_at: [304, 265],
  // Keyrings.
  add_key: [248, 217],
  request_key: [249, 218],
  keyctl: [250, 219],
  // The network, and sockets of any other kind.
  socket: [41, 198],
  socketpair: [53, 199],
  // Large, rarely used parts of the kernel.
  bpf: [321, 280],
  perf_event_open: [298, 241],
  userfaultfd: [323, 282],
  io_uring_setup: [425, 425],
  io_uring_enter: [426, 426],
  io_uring_register: [427, 427],
  fanotify_init: [300, 262],
  fanotify_mark: [301, 263],
  lookup_dcookie: [212, 18],
  remap_file_pages: [216, 234],
  vmsplice: [278, 75],
  move_pages: [279, 239],
  migrate_pages: [256, 238],
  quotactl: [179, 60],
  quotactl_fd: [443, 443],
  nfsservctl: [180, 42],
  personality: [135, 92],
  modify_ldt: [154, undefined],
  iopl: [172, undefined],
  ioperm: [173, undefined],
  uselib: [134, undefined],
  ustat: [136, undefined],
  sysfs: [139, undefined],
  _sysctl: [156, undefined],
  // Memory that belongs to no process.
  memfd_create: [319, 279],
  memfd_secret: [447, 447],
  shmget: [29, 194],
  shmctl: [31, 195],
  shmat: [30, 196],
  semget: [64, 190],
  msgget: [68, 186],
  mq_open: [240, 180],
  // The machine.
  reboot: [169, 142],
  kexec_load: [246, 104],
  kexec_file_load: [320, 294],
  init_module: [175, 105],
  finit_module: [313, 273],
  delete_module: [176, 106],
  swapon: [167, 224],
  swapoff: [168, 225],
  acct: [163, 89],
  syslog: [103, 116],
  vhangup: [153, 58],
  sethostname: [170, 161],
  setdomainname: [171, 162],
  settimeofday: [164, 170],
  clock_settime: [227, 112],
  clock_adjtime: [305, 266],
  adjtimex: [159, 171],
} as const satisfies Record<string, Numbers>;

export const cloneCall: Numbers = [56, 220];
export const clone3Call: Numbers = [435, 435];
/** Later calls have the same number on all architectures. C libraries work without them, as on older kernels. */
export const firstUnknownCall = 451;

export function numberOf(numbers: Numbers, architecture: Architecture): number | undefined {
  return numbers[architecture === 'x64' ? 0 : 1];
}

/** Returns the architecture of this process, or undefined if its numbers are not known. */
export function readArchitecture(): Architecture | undefined {
  const { arch } = process;
  return arch === 'x64' || arch === 'arm64' ? arch : undefined;
}
