#!/bin/sh
# The systemd unit: its grammar, and how much of the system it leaves open. Exit 77: skipped, with the reason.
#   unit_test.sh FOLDER_OF_THE_UNIT
set -eu
folder=$1
command -v systemd-analyze >/dev/null || { echo "skipped: systemd-analyze is not installed"; exit 77; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# verify wants the program that ExecStart names, and the page that Documentation names; on this machine neither is installed.
sed -e 's|^ExecStart=/usr/bin/headwater |ExecStart=/bin/true |' "$folder/headwater.service" >"$work/headwater.service"
grep -q '^ExecStart=/bin/true run -c /etc/headwater/headwater.yaml$' "$work/headwater.service"

said=$(systemd-analyze verify "$work/headwater.service" 2>&1) || { echo "$said"; exit 1; }
said=$(echo "$said" | grep headwater || true)
[ -z "$said" ] || { echo "systemd-analyze verify: $said"; exit 1; }

# The threshold is ten times the exposure: under 1.5.
systemd-analyze security --offline=true --threshold=14 --no-pager "$folder/headwater.service" >"$work/security" || {
  cat "$work/security"
  exit 1
}
tail -n 1 "$work/security"

if command -v systemd-sysusers >/dev/null; then
  mkdir -p "$work/root/etc"
  systemd-sysusers --root="$work/root" - <"$folder/headwater.sysusers.conf" >"$work/said" 2>&1 || { cat "$work/said"; exit 1; }
  grep -q '^headwater:' "$work/root/etc/passwd"
fi
if command -v systemd-tmpfiles >/dev/null && [ -d "$work/root" ]; then
  systemd-tmpfiles --root="$work/root" --create - <"$folder/headwater.tmpfiles.conf" >"$work/said" 2>&1 || { cat "$work/said"; exit 1; }
  [ "$(stat -c %a "$work/root/var/lib/headwater")" = 700 ]
fi
