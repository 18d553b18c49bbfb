#!/bin/bash
# What a person does with the package, on a system that has nothing else: installs, configures, starts, upgrades, removes. Runs as root in a container that
# systemd has booted, which it ends. /opt/test has the packages, a node, a NATS server, and is where the outcome goes.
set -euo pipefail
cd /opt/test
export HOME=/root
exec >log 2>&1

finish() {
    outcome=$?
    [ "$outcome" = 0 ] || journalctl --no-pager -n 150 -o cat || true
    echo "$outcome" >outcome
    systemctl poweroff --no-block
}
trap finish EXIT
step() { echo "== $1 ($SECONDS s)"; }
fail() { echo "FAILED: $1"; exit 1; }
until_so() { # what, command
    local what=$1
    shift
    for _ in $(seq 600); do
        "$@" && return
        sleep 0.1
    done
    fail "not within a minute: $what"
}
files() {
    find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /var/tmp -o -path /opt/test -o -path /var/log \
        -o -path /var/lib/node -o -path '/var/lib/dpkg' -o -path /var/lib/systemd \) -prune -o -print | sort
    getent passwd | cut -d : -f 1
}
units=(peer-observer peer-observer@archive)
events=('"source":"rpc"' '"source":"log"' '"source":"p2p"' '"kind":"node_process"')
if [ -z "${NO_TRACEPOINTS:-}" ]; then
    units+=(peer-observer-tracepoints)
    events+=('"source":"ebpf","kind":"message"')
fi
pids() { for unit in "${units[@]}"; do systemctl show -P MainPID "$unit"; done; }

useradd --system --home-dir /var/lib/node --shell /usr/sbin/nologin bitcoin
install -d -o bitcoin -g bitcoin -m 710 /var/lib/node
files >before

step "the package is installed, and starts nothing"
dpkg -i old.deb
for unit in peer-observer peer-observer-tracepoints; do
    ! systemctl is-active --quiet "$unit" || fail "$unit runs"
    ! systemctl is-enabled --quiet "$unit" || fail "$unit is enabled"
done
[ "$(stat -c '%a %U %G' /etc/peer-observer /etc/peer-observer/peer-observer.toml /etc/peer-observer/secrets /var/lib/peer-observer | tr '\n' ,)" = \
    "750 root peer-observer,640 root peer-observer,700 root root,750 peer-observer peer-observer," ] || fail "permissions"
peer-observer run --check --extract rpc --rpc '[100::1]:8332' --rpc-user u --rpc-password p

step "the units are sound"
verified=$(systemd-analyze verify --man=no /usr/lib/systemd/system/peer-observer{,-tracepoints,@}.service 2>&1) || fail "$verified"
[ -z "$verified" ] || fail "$verified"
for unit in peer-observer.service peer-observer@web.service; do
    systemd-analyze security --no-pager --threshold=16 "$unit" | tail -n 1
done
systemd-analyze security --no-pager --threshold=20 peer-observer-tracepoints.service | tail -n 1

step "a node and a NATS server run"
cat >/run/systemd/system/bitcoind.service <<'END'
[Service]
Type=notify
NotifyAccess=all
User=bitcoin
Environment=LD_LIBRARY_PATH=/opt/test/lib
ExecStart=/opt/test/bitcoind -regtest -datadir=/var/lib/node -printtoconsole=0 -rpccookieperms=group -debug=net -connect=0 -dnsseed=0 \
    -bind=127.0.0.1 -listenonion=0 -natpmp=0 "-startupnotify=chmod g+rx /var/lib/node/regtest; chmod g+r /var/lib/node/regtest/debug.log; systemd-notify --ready"
END
cat >/run/nats.conf <<'END'
listen: "127.0.0.1:4222"
max_payload: 8MB
authorization { user: observer, password: "what the unit is given" }
jetstream { store_dir: "/run/jetstream", max_file_store: 1TB }
END
cat >/run/systemd/system/nats-server.service <<'END'
[Service]
ExecStart=/opt/test/nats-server -c /run/nats.conf
END
systemctl start nats-server bitcoind

step "it is configured and started"
usermod -aG bitcoin peer-observer
printf 'what the unit is given\n' >/etc/peer-observer/secrets/nats
chmod 600 /etc/peer-observer/secrets/nats
cat >/etc/peer-observer/peer-observer.toml <<'END'
tools = ["metrics", "web"]
[bus]
nats = "nats://127.0.0.1:4222"
nats_user = "observer"
nats_password_file = "secret_nats"
stream = "PEER_OBSERVER"
[p2p]
addnode = true
[archive]
sync_every = "1s"
[[node]]
name = "alice"
chain = "regtest"
datadir = "/var/lib/node"
END
[ -z "${KERNEL_WANTS_MORE:-}" ] || install -D -m 644 /usr/share/doc/peer-observer/examples/linux-before-6.6.conf \
    /etc/systemd/system/peer-observer-tracepoints.service.d/linux.conf
systemctl daemon-reload
systemctl enable --now peer-observer
systemctl start "${units[@]}"
systemctl status --no-pager -n 0 "${units[@]}"
sign_of_life() { systemctl show -P WatchdogTimestampMonotonic peer-observer; }
first_sign=$(sign_of_life) # of its start
gives_signs() { [ "$(sign_of_life)" -gt "$first_sign" ]; }

step "events of all sources come"
export CREDENTIALS_DIRECTORY=/run/credentials/peer-observer.service # as root may
peer-observer watch --nats nats://127.0.0.1:4222 -o json >/run/events 2>/run/watch.log &
for one in "${events[@]}"; do until_so "$one" grep -q "$one" /run/events; done
for unit in "${units[@]}"; do
    grep '^Cap\(Prm\|Eff\|Amb\)' "/proc/$(systemctl show -P MainPID "$unit")/status" | grep -v '0000000000000000$' && fail "$unit has capabilities"
    [ "$(stat -c %U "/proc/$(systemctl show -P MainPID "$unit")")" = peer-observer ] || fail "$unit runs as another user"
done
until_so "answers of web and metrics" peer-observer health
until_so "a sign of life" gives_signs
[[ $(systemctl show -P StatusText peer-observer) == "observing alice, for metrics, web"* ]] || fail "no status"
systemctl reload peer-observer

step "an upgrade goes on where the old one was"
before_upgrade=$(pids)
dpkg -i new.deb
for unit in "${units[@]}"; do systemctl is-active --quiet "$unit" || fail "$unit does not run after the upgrade"; done
after_upgrade=$(pids)
[ "$(echo "$before_upgrade" "$after_upgrade" | tr ' ' '\n' | sort -u | wc -l)" = $((2 * ${#units[@]})) ] || fail "not all were restarted: $before_upgrade, $after_upgrade"
systemctl is-enabled --quiet peer-observer || fail "it is not enabled any more"
grep -q secret_nats /etc/peer-observer/peer-observer.toml || fail "the configuration is another one"
: >/run/events
for one in "${events[@]}"; do until_so "$one after the upgrade" grep -q "$one" /run/events; done
kill %1
systemctl stop peer-observer peer-observer-tracepoints
systemctl stop peer-observer@archive
for unit in "${units[@]}"; do
    [ "$(systemctl show -P Result "$unit")" = success ] || fail "$unit did not end well"
done
peer-observer archive info /var/lib/peer-observer/archive
: >/run/none.toml # the credential is gone with the units
peer-observer watch --config /run/none.toml /var/lib/peer-observer/archive -o json >/run/archived
for one in "${events[@]}"; do
    [ "$(grep "$one" /run/archived | grep -o '"run":[^,]*' | sort -u | wc -l)" -ge 2 ] || fail "the archive lacks a run with $one"
done
! grep '"kind":"lost"' /run/archived || fail "the archive has gaps"

step "removing it keeps the data"
dpkg --remove peer-observer
ls /var/lib/peer-observer/archive/*.zst /etc/peer-observer/secrets/nats >/dev/null
! systemctl is-active --quiet peer-observer || fail "it still runs"

step "purging it leaves nothing"
dpkg --purge peer-observer
systemctl stop bitcoind nats-server
files >after
diff before after || fail "this is left over"
step "done"
