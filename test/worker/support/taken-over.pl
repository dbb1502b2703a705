# Acts as an FFmpeg that a hostile file has taken over: tries to reach what is not the job's, and prints a line for each thing
# that it reached. Arguments as name=value: `calls` are numbers of system calls, `file` and `address` may come several times.
use strict;
use warnings;
use Socket;

$| = 1;
my %given;
for (@ARGV) { my ($name, $value) = /^(\w+)=(.*)$/s; push @{ $given{$name} }, $value }
my %number = split /[=,]/, $given{calls}[0];
my $pid = $given{pid}[0];

sub found { print join(': ', @_), "\n" }
sub attempt { my ($name, @arguments) = @_; return syscall($number{$name}, @arguments) }
# Whether the kernel looked at a call at all.
sub reaches { my $result = attempt(@_); return $result != -1 || !($!{EPERM} || $!{ENOSYS}) }

for my $path ('/etc/shadow', '/etc/passwd', '/etc/hostname', @{ $given{file} }) {
  found('file', $path) if open my $file, '<', $path;
}
for my $path ('/root', '/home', '/var/lib', '/sys/kernel', '/dev/pts', @{ $given{folder} }) {
  opendir my $folder, $path or next;
  found('folder', $path) if grep { !/^\.\.?$/ } readdir $folder;
}
for my $path (glob '/proc/[0-9]*/environ') {
  open my $file, '<', $path or next;
  local $/;
  my $text = <$file> // '';
  found('environment of a process', $given{mark}[0]) if index($text, $given{mark}[0]) >= 0;
}
found('process list') if -e '/proc/1/stat';
for my $name (keys %ENV) { found('environment', $name) unless $name =~ /^(?:MALLOC_ARENA_MAX|PWD)$/ }

for my $folder ('/', '/tmp', '/var/tmp', '/dev', '/dev/shm', '/usr', '/usr/bin', '/etc', '/run', '/lib', '.', @{ $given{folder} }) {
  my $path = "$folder/taken-over-$$";
  found('writable folder', $folder) if open my $file, '>', $path;
  unlink $path;
}
for my $name (@{ $given{input} }) { found('writable input', $name) if open my $file, '+<', $name }
for my $name (qw(memfd_create memfd_secret shmget msgget)) { found('memory that nothing counts', $name) if reaches($name, 1, 0, 0) }

for my $address (@{ $given{address} }) {
  my ($host, $port) = split /\//, $address;
  my $family = $host =~ /:/ ? AF_INET6 : AF_INET;
  my $packed = Socket::inet_pton($family, $host);
  my $to = $family == AF_INET6 ? Socket::pack_sockaddr_in6($port, $packed) : sockaddr_in($port, $packed);
  my $socket;
  found('network', $address) if socket($socket, $family, SOCK_STREAM, 0) && connect($socket, $to);
}
my $socket;
# Libraries differ in whether zeros that follow belong to the name.
for my $form ('S a*', 'S a108') {
  my $abstract = pack $form, AF_UNIX, "\0$given{abstract}[0]";
  found('abstract socket') if socket($socket, AF_UNIX, SOCK_STREAM, 0) && connect($socket, $abstract);
}
# UNIX, IPv4, netlink, packets, the kernel's ciphers.
for my $family (AF_UNIX, AF_INET, 16, 17, 38) {
  my $other;
  found('socket', $family) if socket($other, $family, $family == 38 ? SOCK_SEQPACKET : SOCK_DGRAM, 0);
}

found('signal to another process') if kill 0, $pid;
my $child = fork;
if ($child == 0) { sleep 60; exit }
found('ptrace') if reaches('ptrace', 16, $child, 0, 0);
kill 'KILL', $child;
waitpid $child, 0;
my $bytes = "\0" x 8;
found('memory of another process', $_) for grep { reaches($_, $pid + 0, 0, 0, 0, 0, 0) } qw(process_vm_readv process_vm_writev);

found('user 0') if $< == 0 || $> == 0;
{ local $!; $> = 0; found('became user 0') if $> == 0 }
my $capabilities = "\0" x 24;
my $header = pack 'LL', 0x20080522, 0;
syscall($number{capget}, $header, $capabilities);
found('capabilities') if grep { $_ } unpack 'L6', $capabilities;
found('bounding set', $_) for grep { syscall($number{prctl}, 23, $_, 0, 0, 0) == 1 } 0 .. 40;
found('new privileges') if syscall($number{prctl}, 39, 0, 0, 0, 0) != 1;
found('no filter') if syscall($number{prctl}, 21, 0, 0, 0, 0) != 2;

found('key', 'add_key') if attempt('add_key', 'user', 'taken-over', 'x', 1, -2) != -1;
found('key', 'keyctl') if attempt('keyctl', 0, -3, 0, 0, 0) != -1;
found('kernel', $_) for grep { reaches($_, 0, 0, 0, 0, 0) } qw(bpf perf_event_open io_uring_setup kexec_load init_module);
found('kernel', 'userfaultfd') if attempt('userfaultfd', 1) != -1;

if (attempt('mount', 'tmpfs', $given{mount}[0], 'tmpfs', 0, 0) != -1) {
  found('mount');
  attempt('umount2', $given{mount}[0], 0);
}
found('root folder') if $> == 0 && attempt('chroot', '/') != -1;
# In children, as they may succeed.
for my $way (['unshare', 0x10000000], ['unshare', 0x00020000]) {
  my $trial = fork;
  exit(attempt(@$way) == -1 ? 1 : 0) if defined $trial && $trial == 0;
  waitpid $trial, 0;
  found('namespace', @$way) if $? == 0;
}
my $clone = syscall($number{clone}, 0x10000011, 0, 0, 0, 0);
if ($clone == 0) { exec '/bin/true' }
if ($clone > 0) { found('namespace', 'clone'); waitpid $clone, 0 }
