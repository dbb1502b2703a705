# Runs a program in namespaces of its own, without rights, where bubblewrap is not installed. Perl, because it is part of every
# Debian and Ubuntu and can make system calls, so that nothing has to be compiled.
#
# perl isolate.pl CALLS IDENTITY [MODE SOURCE TARGET]... [env NAME VALUE]... -- COMMAND...
#   CALLS     numbers of the system calls: mount=165,prctl=157,...
#   IDENTITY  own:ID (root only: the program's user and group) or user:ID (in a user namespace, ID inside is the caller outside)
#   MODE      ro, rw or dev; what is bound is all there is, and the working directory is /job
#   env       the variables named are the whole environment
# A seccomp filter is read from descriptor 3. Ends as COMMAND does; with 128 and the signal's number where one ended it.
use strict;    # and not warnings, which takes longer to load than Perl itself

my %number = split /[=,]/, shift @ARGV;
my ($way, $id) = split /:/, shift @ARGV;
my @binds;
%ENV = ();
until ((my $word = shift @ARGV) eq '--') {
  my ($first, $second) = splice @ARGV, 0, 2;
  if ($word eq 'env') { $ENV{$first} = $second }
  else { push @binds, [$word, $first, $second] }
}
my $parent = getppid;
my ($user, $group) = ($>, $) + 0);

sub call {
  my ($name, @arguments) = @_;
  my $result = syscall($number{$name}, @arguments);
  die "isolate: $name: $!\n" if $result == -1;
  return $result;
}

sub fill {
  my ($path, $text) = @_;
  open my $file, '>', $path or die "isolate: $path: $!\n";
  print {$file} $text or die "isolate: $path: $!\n";
  close $file or die "isolate: $path: $!\n";
}

# linux/mount.h: attributes that are added to a mount and, with $depth, to those beneath it.
my ($read_only, $no_setuid, $no_devices) = (1, 2, 4);
my $recursive = 0x8000;
sub restrict {
  my ($path, $attributes, $depth) = @_;
  call(mount_setattr => -100, $path, $depth, pack('Q4', $attributes, 0, 0, 0), 32);
}

sub make_folders {
  my ($path) = @_;
  my $made = '';
  for my $name (grep { $_ ne '' } split m{/}, $path) {
    $made .= "/$name";
    -d $made or mkdir $made or die "isolate: $made: $!\n";
  }
}

my $program = do {
  open my $filter, '<&=', 3 or die "isolate: filter: $!\n";
  local $/;
  <$filter>;
};

# New mounts, cgroup, uts, ipc, pid and net.
my $namespaces = 0x6e020000;
call(unshare => $namespaces | ($way eq 'user' ? 0x10000000 : 0));
if ($way eq 'user') {
  fill('/proc/self/setgroups', 'deny');
  fill('/proc/self/uid_map', "$id $user 1");
  fill('/proc/self/gid_map', "$id $group 1");
}

# The new root lies over /sys, which is everywhere and holds nothing that is needed. Mounts stay within this namespace.
my $root = '/sys';
call(mount => 'none', '/', 0, 0x44000, 0);
call(mount => 'tmpfs', $root, 'tmpfs', 6, 'size=1m,mode=755');
make_folders("$root/job");
for my $bind (@binds) {
  my ($mode, $source, $target) = @$bind;
  next unless -e $source;
  make_folders(-d $source ? "$root$target" : $root . ($target =~ s{/[^/]*$}{}r));
  fill("$root$target", '') unless -d $source;
  call(mount => $source, "$root$target", 0, 0x5000, 0);
  my $attributes = $no_setuid | ($mode eq 'dev' ? 0 : $no_devices) | ($mode eq 'ro' ? $read_only : 0);
  restrict("$root$target", $attributes, $recursive);
}
restrict($root, $read_only | $no_setuid | $no_devices, 0);
chdir $root or die "isolate: $root: $!\n";
call(pivot_root => '.', '.');
call(umount2 => '.', 2);
chdir '/job' or die "isolate: /job: $!\n";

# linux/prctl.h and linux/capability.h: an empty bounding set, then no capabilities, and none by any other way.
for my $capability (0 .. 63) {
  last if syscall($number{prctl}, 24, $capability, 0, 0, 0) == -1;
}
if ($way eq 'own') {
  call(setgroups => 0, 0);
  call(setresgid => $id + 0, $id + 0, $id + 0);
  call(setresuid => $id + 0, $id + 0, $id + 0);
}
call(prctl => 47, 4, 0, 0, 0);
call(capset => pack('LL', 0x20080522, 0), pack('L6', (0) x 6));
call(prctl => 38, 1, 0, 0, 0);
# Another identity has cleared what the caller asked for: that this process ends with its parent.
call(prctl => 1, 9, 0, 0, 0);
exit 1 if getppid != $parent;
call(prctl => 22, 2, pack('S x6 P', length($program) / 8, $program), 0, 0);

# The first process of the namespace: with it everything in the namespace ends.
my $first = fork // die "isolate: fork: $!\n";
if ($first == 0) {
  call(prctl => 1, 9, 0, 0, 0);
  my $command = fork // die "isolate: fork: $!\n";
  if ($command == 0) {
    exec { $ARGV[0] } @ARGV;
    die "isolate: $ARGV[0]: $!\n";
  }
  # Also reaps what was left to it.
  1 until (my $ended = wait) == $command;
  exit($? & 127 ? 128 + ($? & 127) : $? >> 8);
}
waitpid $first, 0;
exit($? & 127 ? 128 + ($? & 127) : $? >> 8);
