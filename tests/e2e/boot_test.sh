#!/bin/bash
# Boots a Debian 12 with systemd in a namespace of this machine, with Headwater installed as README says, and lets systemd run
# it: ./dev test --boot. Needs root, mmdebstrap and systemd-container. Exit 77: skipped, with the reason.
#   boot_test.sh SOURCE_FOLDER PROGRAM
set -euo pipefail
source=$1 program=$2
skip() { echo "skipped: $*"; exit 77; }
[ "$(id -u)" = 0 ] || skip "a system is booted as root"
for tool in mmdebstrap systemd-nspawn unshare; do
  command -v "$tool" >/dev/null || skip "$tool is not installed (Debian packages mmdebstrap, systemd-container, util-linux)"
done
mirror=$(apt-get indextargets --format '$(REPO_URI)' "Created-By: Packages" | head -n 1)
[ -n "$mirror" ] || skip "apt knows no mirror: run apt-get update"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
libraries=$(ldd "$program" | awk '$3 ~ /^\// {print $3}' | xargs readlink -f |
  xargs -n 1 sh -c 'dpkg -S "$0" 2>/dev/null || dpkg -S "${0#/usr}"' | cut -d: -f1 | sort -u | paste -sd,)
mmdebstrap --quiet --variant=minbase --include="systemd,systemd-sysv,dbus,procps,tzdata,ca-certificates,$libraries" \
  bookworm "$root" "$mirror" || skip "no base system from $mirror"

# As README's section Operating says.
install -m 0755 "$program" "$root/usr/bin/headwater"
install -m 0644 "$source/systemd/headwater.service" "$root/etc/systemd/system/headwater.service"
install -m 0644 -D "$source/systemd/headwater.sysusers.conf" "$root/etc/sysusers.d/headwater.conf"
install -m 0644 -D "$source/systemd/headwater.tmpfiles.conf" "$root/etc/tmpfiles.d/headwater.conf"
install -d "$root/etc/headwater/secrets" "$root/srv/drop" "$root/etc/systemd/system/headwater.service.d"
echo 'not-a-real-token' >"$root/etc/headwater/secrets/crm-token"
chmod 0600 "$root/etc/headwater/secrets/crm-token"
printf 'id,created,stage,stage_time\nD1,2026-01-02T10:00:00Z,won,2026-01-03T10:00:00Z\n' >"$root/srv/drop/deals.csv"
cat >"$root/etc/headwater/headwater.yaml" <<'YAML'
reporting: {time_zone: Europe/Berlin, currency: EUR}
state: {directory: /var/lib/headwater}
service: {listen: "127.0.0.1:9180"}
credentials:
  crm: {type: static_token, token: "${credential:crm-token}"}
stages:
  - {name: won, subject: deal, trigger: {stage: won}, flags: [won]}
goals:
  - {name: closed_won, subject: deal, stage: won, value: none}
connectors:
  drop:
    type: csv
    files:
      - path: /srv/drop/deals.csv
        object: deals
        columns: {id: id, created: created, stage: stage, stage_time: stage_time}
  crm:
    type: hubspot
    enabled: false
    credential: crm
YAML
cat >"$root/etc/systemd/system/headwater.service.d/test.conf" <<'INI'
[Service]
LoadCredential=crm-token:/etc/headwater/secrets/crm-token
WatchdogSec=4s
RestartSec=200ms
INI

cat >"$root/hwtest.sh" <<'INSIDE'
#!/bin/bash
set -uo pipefail
step() { echo "== $*"; }
fail() { echo "failed: $*"; journalctl -u headwater --no-pager -n 40; systemctl status headwater --no-pager -l | head -n 20; exit 1; }
is() { systemctl show -P "$1" headwater; }
get() { exec 3<>/dev/tcp/127.0.0.1/9180 && printf 'GET %s HTTP/1.0\r\n\r\n' "$1" >&3 && cat <&3; exec 3<&- 3>&-; }
until_true() { for _ in $(seq 100); do "$@" && return 0; sleep 0.1; done; return 1; }

step "start: the unit is active once the daemon said READY=1"
systemctl start headwater || fail "does not start"
[ "$(is ActiveState)" = active ] || fail "is $(is ActiveState)"
[ "$(stat -c '%U %a' /var/lib/headwater)" = "headwater 700" ] || fail "the state directory is $(stat -c '%U %a' /var/lib/headwater)"
[ "$(stat -c '%a' /var/lib/headwater/headwater.db)" = 600 ] || fail "others may read the store"
[ "$(ps -o user= -p "$(is MainPID)")" = headwater ] || fail "runs as $(ps -o user= -p "$(is MainPID)")"

step "status line, health and metrics"
has_status() { [ -n "$(is StatusText)" ]; }
until_true has_status || fail "no status text"
echo "status: $(is StatusText)"
get /healthz | grep -q '200 OK' || fail "/healthz: $(get /healthz)"
get /metrics | grep -q '^headwater_' || fail "/metrics: $(get /metrics | head -n 20)"

step "reload: a good configuration is taken, a bad one refused, under the same process"
pid=$(is MainPID)
sed -i 's/currency: EUR/currency: USD/' /etc/headwater/headwater.yaml
systemctl reload headwater || fail "the reload of a good configuration failed"
logged() { journalctl -u headwater --no-pager | grep -q "$1"; }
until_true logged event=reloaded || fail "no reload"
echo 'nonsense: [' >>/etc/headwater/headwater.yaml
systemctl reload headwater
until_true logged event=reload_refused || fail "a bad configuration was not refused"
sed -i '$d' /etc/headwater/headwater.yaml
[ "$(is ActiveState) $(is MainPID)" = "active $pid" ] || fail "the reload cost the process"

step "a killed daemon is started again"
kill -9 "$pid"
again() { [ "$(is NRestarts)" = 1 ] && [ "$(is ActiveState)" = active ]; }
until_true again || fail "NRestarts=$(is NRestarts) $(is ActiveState)"

step "a daemon that hangs is ended by the watchdog and started again"
kill -STOP "$(is MainPID)"
twice() { [ "$(is NRestarts)" = 2 ] && [ "$(is ActiveState)" = active ]; }
until_true twice || fail "NRestarts=$(is NRestarts) $(is ActiveState)"

step "stop"
systemctl stop headwater || fail "does not stop"
[ "$(is Result) $(is ExecMainStatus)" = "success 0" ] || fail "ended with $(is Result) $(is ExecMainStatus)"

step "a wrong configuration ends the start and is not tried again and again"
echo 'nonsense: [' >>/etc/headwater/headwater.yaml
systemctl start headwater && fail "started with a wrong configuration"
sleep 1
[ "$(is ActiveState) $(is ExecMainStatus)" = "failed 78" ] || fail "is $(is ActiveState) $(is ExecMainStatus)"
echo "passed"
INSIDE
chmod 0755 "$root/hwtest.sh"
cat >"$root/etc/systemd/system/hwtest.service" <<'INI'
[Unit]
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/bin/bash -c '/hwtest.sh; code=$?; systemctl --no-block exit $code'
StandardOutput=file:/hwtest.out
StandardError=inherit
[Install]
WantedBy=graphical.target
INI
mkdir -p "$root/etc/systemd/system/graphical.target.wants"
ln -s ../hwtest.service "$root/etc/systemd/system/graphical.target.wants/hwtest.service"

# Register nothing with this machine's systemd, of which there may be none; no network but its own loopback.
code=0
timeout 300 unshare -m --propagation private sh -c "mount --make-rprivate / && mount -t tmpfs tmpfs /run &&
  exec systemd-nspawn --quiet --register=no --keep-unit -D '$root' -b --private-network" </dev/null >"$work/console" 2>&1 || code=$?
[ -s "$root/hwtest.out" ] || { tail -n 30 "$work/console"; skip "no system boots in a namespace here (systemd-nspawn ended with $code)"; }
cat "$root/hwtest.out"
tail -n 1 "$root/hwtest.out" | grep -qx passed
