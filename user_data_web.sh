#!/usr/bin/env bash
# Sets up an Ubuntu 24.04 instance as a web instance. cloud-init runs it at the first boot; a second run changes nothing.
set -euo pipefail
# shellcheck source=/dev/null
source /etc/anb/instance.env

metadata() {
  local token
  token=$(curl -fsS --retry 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 300' http://169.254.169.254/latest/api/token)
  curl -fsS --retry 5 -H "X-aws-ec2-metadata-token: $token" "http://169.254.169.254/latest/meta-data/$1"
}

# signed SERVICE CURL-ARGUMENT...: sends a request signed with the instance's role. The keys go through a pipe, because the process
# list shows arguments.
signed() {
  local service=$1 role keys
  shift
  role=$(metadata iam/security-credentials/)
  keys=$(metadata "iam/security-credentials/$role")
  key() { sed -n "s/.*\"$1\" *: *\"\([^\"]*\)\".*/\1/p" <<<"$keys"; }
  curl -fsS --retry 5 --aws-sigv4 "aws:amz:$AWS_REGION:$service" "$@" -K - <<END
user = "$(key AccessKeyId):$(key SecretAccessKey)"
header = "x-amz-security-token: $(key Token)"
END
}

# fetch KEY SHA256 FILE: downloads a release file; FILE appears only if the checksum matches.
fetch() {
  signed s3 -o "$3.part" "${S3_ENDPOINT:-https://s3.$AWS_REGION.amazonaws.com}/$RELEASE_BUCKET/$1"
  sha256sum --check --quiet <<<"$2  $3.part"
  mv "$3.part" "$3"
}

release=/opt/anb/releases/$RELEASE_VERSION
install -d -m 755 /opt/anb/releases
if [ ! -e "$release/.complete" ]; then
  archive=/opt/anb/releases/$RELEASE_VERSION.tgz
  fetch "releases/$RELEASE_VERSION.tgz" "$RELEASE_SHA256" "$archive"
  rm -rf "$release" && install -d -m 755 "$release"
  tar -xzf "$archive" -C "$release" --no-same-owner
  rm "$archive" && touch "$release/.complete"
fi
# shellcheck source=scripts/aws/instance/steps.sh
source "$release/scripts/aws/instance/steps.sh"

install_packages ca-certificates curl logrotate
install_node
bound_sockets
add_user
write_service_environment
migrate_database
for number in $(seq "$(nproc)"); do units+=("anb-web@$number.service"); done
install_unit anb-web@.service
install_unit anb-lifecycle.service
start_units "${units[@]}" anb-lifecycle.service
wait_until_ready http://127.0.0.1:8000/readyz
complete_lifecycle ready
