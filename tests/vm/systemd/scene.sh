#!/bin/sh
# What an administrator does with pullscope's unit, on a machine whose process 1 is systemd.

# The kernel's command line says by which port to tell; systemd keeps that from its services.
port=$(sed -n 's/.*\bport=\([^ ]*\).*/\1/p' /proc/cmdline)
exec </dev/null >"/dev/$port"
stty -F "/dev/$port" raw
. /tools.sh

shows() {
    systemctl show pullscope --property=ActiveState,SubState,UnitFileState,StatusText,MainPID,NRestarts,Result,ExecMainStatus |
        section "$1"
}

property() {
    systemctl show pullscope --property="$1" --value
}

# It has that value of a property.
is() {
    [ "$(property "$1")" = "$2" ]
}

uname -r | section release
/bin/server -listen 127.0.0.1:8443 -certificate /tls/chain.pem -key /tls/key.pem -repository team/app -tag v1 >/tmp/accepted &
until_ok listening 20FB

attempt enable systemctl enable --now pullscope
# At once: `systemctl` has come back. Whether it is ready would not tell, since a question is answered when it is.
section 'log at the start' </run/pullscope.log
ready
echo $? | section 'ready after it status'
shows started
systemctl status --no-pager pullscope | section status
pid=$(property MainPID)
section process </proc/$pid/status
section limits </proc/$pid/limits
attempt check nsenter -t "$pid" -m pullscope check --output=json --config.file=/etc/pullscope/pullscope.toml

pull="-registry https://127.0.0.1:8443 -ca /tls/ca.pem -repository team/app -tag v1"
attempt puller-h2 /bin/puller-h2 $pull
attempt 'curl unreachable' /bin/curl-h1 -sS http://10.9.9.9/
until_ok settled
section metrics </tmp/metrics
section 'log of a run' </run/pullscope.log

# Longer than a watchdog that hears nothing waits.
sleep 11
shows 'after a while'
kill -STOP "$pid"
until_ok is NRestarts 1
until_ok is ActiveState active
shows 'after it was stuck'

attempt stop systemctl stop pullscope
shows stopped

# A port that is taken is tried again, until it is free.
/bin/busybox httpd -f -p 127.0.0.1:10617 &
taken=$!
until_ok listening 2979
>/run/pullscope.log
systemctl start --no-block pullscope
until_ok is SubState auto-restart
shows 'port taken'
kill $taken
until_ok is ActiveState active
shows 'port free'
systemctl stop pullscope

# As docs/install.md has it for kernels from 6.6 on.
mkdir -p /run/systemd/system/pullscope.service.d
printf '[Service]\nCapabilityBoundingSet=~CAP_SYS_ADMIN\n' >/run/systemd/system/pullscope.service.d/override.conf
systemctl daemon-reload
attempt 'start with less' systemctl start pullscope
shows 'with less'
section 'process with less' </proc/$(property MainPID)/status
systemctl stop pullscope

>/run/pullscope.log
echo 'nonsense = 1' >/etc/pullscope/pullscope.toml
attempt 'start wrong' systemctl start pullscope
shows wrong
section 'log of a mistake' </run/pullscope.log
echo '--- all told'
poweroff -f
