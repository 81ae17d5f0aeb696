#!/bin/sh
# The daemon as process 1 of a container: the kernel throws away signals that process 1 does not handle. Exit 77: skipped.
#   process_one_test.sh HEADWATER
set -eu
program=$1
unshare --fork --pid true 2>/dev/null || { echo "skipped: no process namespaces here"; exit 77; }

work=$(mktemp -d)
outer=""
trap '[ -z "$outer" ] || kill -KILL "$outer" 2>/dev/null || true; rm -rf "$work"' EXIT
configuration() { printf 'reporting: {time_zone: %s, currency: EUR}\nstate: {directory: state}\n' "$1"; }
configuration UTC >"$work/headwater.yaml"
mkfifo "$work/log"
unshare --fork --pid --kill-child "$program" run -c "$work/headwater.yaml" 2>"$work/log" &
outer=$!
exec 3<"$work/log"
await() {  # EVENT: reads the log until it comes; the log ends with the daemon
  while read -r line <&3; do  # a repeated event is held back by the log, so each is awaited once
    case "$line" in *"event=$1"*) return 0 ;; esac
  done
  echo "failed: the daemon ended and never said $1"
  exit 1
}
await started
inner=$(cat "/proc/$outer/task/$outer/children")
kill -HUP $inner
await reloaded
configuration Nowhere/Atall >"$work/headwater.yaml"
kill -HUP $inner
await reload_refused
kill -TERM $inner
cat <&3 >/dev/null  # until the daemon's end
code=0
wait "$outer" || code=$?
outer=""
[ "$code" = 0 ] || { echo "failed: a stop ended with $code"; exit 1; }
