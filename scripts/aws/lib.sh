#!/usr/bin/env bash
# What the commands of this folder have in common. Sourced by them.
set -euo pipefail
# shellcheck disable=SC2034
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
region=${AWS_REGION:-us-east-1}
stack=${STACK_NAME:-anb}
dry_run=false
export AWS_REGION=$region AWS_DEFAULT_REGION=$region AWS_PAGER=''

say() { printf '%s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# run COMMAND...: what changes something. A dry run says it and does not do it.
run() {
  if $dry_run; then say "would run: $*"; else "$@"; fi
}

account() { aws sts get-caller-identity --query Account --output text; }
release_bucket() { printf 'anb-releases-%s-%s' "$(account)" "$region"; }

# stack_value QUERY: empty when there is no such stack.
stack_value() {
  local value
  value=$(aws cloudformation describe-stacks --stack-name "$stack" --query "Stacks[0].$1" --output text 2>/dev/null) || return 0
  [ "$value" = None ] || printf '%s' "$value"
}

# confirm WORD QUESTION: goes on only when WORD is typed.
confirm() {
  $dry_run && return 0
  local answer
  say "$2"
  read -r -p "Type $1 to continue: " answer || true
  [ "$answer" = "$1" ] || die 'Nothing was changed.'
}

# List prices of us-east-1 on demand, in US dollars a month of 730 hours, without traffic; see README.md beside this file.
say_cost() {
  say 'Cost per month: about 110 USD with one web instance, about 157 USD with three (balancer 16, worker 23,'
  say 'a web instance 23, database 38, its balancer and instance addresses 4 each); S3, logs and traffic by use (list prices of us-east-1 as of 2025).'
}

# roll GROUP MIN-HEALTHY MAX-HEALTHY SKIP: every instance of the group is replaced by one of the newest template; with SKIP those
# that are of it stay. From 100 on, and with more than 100 allowed, an instance stays until the next one is ready.
roll() {
  local id status=Pending
  run aws autoscaling start-instance-refresh --auto-scaling-group-name "$1" \
    --preferences "{\"MinHealthyPercentage\":$2,\"MaxHealthyPercentage\":$3,\"SkipMatching\":$4}" --query InstanceRefreshId --output text >"$work/refresh"
  $dry_run && return 0
  id=$(cat "$work/refresh")
  while :; do
    status=$(aws autoscaling describe-instance-refreshes --auto-scaling-group-name "$1" --instance-refresh-ids "$id" \
      --query 'InstanceRefreshes[0].Status' --output text)
    case $status in
      Successful) return 0 ;;
      Failed | Cancelled | RollbackSuccessful | RollbackFailed) die "The instances of $1 could not be replaced: $status." ;;
    esac
    sleep "${POLL_SECONDS:-15}"
  done
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
