#!/bin/sh
# Process 1 of the guest. Everything it has to say goes to the second serial port, as sections that `guest.rs` reads; the
# first is the console, for messages of the kernel and of this shell, which would land between the lines. `scene` and `port`,
# the second port's name, come from the kernel's command line.
#
# A process has the name that busybox was called by: the comm of /bin/wget, a link to busybox, is wget. That is a target.
# `/bin/busybox wget` is not: its comm is busybox. (A plain `wget` would be one that the shell renames to wget later.)

export PATH=/bin
/bin/busybox mount -t proc proc /proc
mount -t devtmpfs dev /dev
exec </dev/null >"/dev/$port"
stty -F "/dev/$port" raw
ip link set lo up

. /tools.sh

# What pullscope says of a machine on which it must not start, when it is started and when it is asked.
refusal() {
    name=$1
    shift
    attempt "$name" pullscope run "$@"
    attempt "$name check" pullscope check --output=json "$@"
}

unprivileged() {
    attempt "$1" su -s /bin/sh nobody -c "pullscope $2"
}

requests() {
    manifests=/www/v2/team/app/manifests
    blobs=/www/v2/team/app/blobs
    mkdir -p $manifests $blobs
    head -c 300000 /dev/urandom >/tmp/layer
    digest=sha256:$(sha256sum /tmp/layer | cut -d ' ' -f 1)
    mv /tmp/layer "$blobs/$digest"
    head -c 777 /dev/urandom >$manifests/v1
    find /www -type f -exec stat -c '%s %n' {} + | section files

    pullscope run --config.file=/pullscope.toml 2>/tmp/log &
    pullscope=$!
    until_ok ready
    /bin/httpd -f -vv -p 8080 -h /www 2>/tmp/served &
    until_ok listening 1F90

    v4=http://127.0.0.1:8080/v2/team/app
    v6=http://[::1]:8080/v2/team/app
    attempt 'wget manifest' /bin/wget -q -O /dev/null $v4/manifests/v1
    attempt 'wget blob' /bin/wget -q -O /dev/null "$v4/blobs/$digest"
    attempt 'wget blob over IPv6' /bin/wget -q -O /dev/null "$v6/blobs/$digest"
    attempt 'wget absent' /bin/wget -q -O /dev/null $v4/manifests/absent
    attempt 'wget refused' /bin/wget -q -O /dev/null http://127.0.0.1:1/
    attempt 'wget unreachable' /bin/wget -q -O /dev/null http://10.9.9.9/
    attempt 'wget unreachable over IPv6' /bin/wget -q -O /dev/null http://[2001:db8::1]/
    section 'asked by targets' </tmp/served

    # Not targets: the server's side alone counts these.
    /bin/busybox wget -q -O /dev/null "$v4/blobs/$digest"
    printf 'GET /v2/team/app/manifests/absent HTTP/1.0\r\n\r\n' | nc 127.0.0.1 8080 | section 'raw answer absent'
    section 'asked by all' </tmp/served

    until_ok settled
    section metrics </tmp/metrics
    cat /proc/$pullscope/fdinfo/* | section descriptors
    kill -TERM $pullscope
    wait $pullscope
    echo $? | section 'run status'
    section 'run log' </tmp/log
}

# Tells the bytes in which the program of a process is not its file: the number of each, what it is, what the file has.
changed() {
    # START-END r-xp OFFSET ...
    set -- "$1" "$2" $(grep -m 1 ' r-xp ' "/proc/$1/maps" | tr - ' ')
    pages=$(((0x$4 - 0x$3) / 4096))
    dd if="/proc/$1/mem" bs=4096 skip=$((0x$3 / 4096)) count=$pages >/tmp/text 2>/dev/null
    dd if="$2" bs=4096 skip=$((0x$7 / 4096)) count=$pages >/tmp/file 2>/dev/null
    cmp -l /tmp/text /tmp/file
}

# Lets the bystander go on, and waits until it has done so.
let_go() {
    touch /tmp/gate
    until_ok [ ! -e /tmp/gate ]
}

waits() {
    [ "$(grep -c waiting /tmp/bystander)" = "$1" ]
}

# Clients that pullscope can look into. Each is a link, so that the same file has several names: the process of /bin/puller-h1
# is called puller-h1. The bystander is nobody's target, and runs the same file.
tls() {
    origin=https://127.0.0.1:8443
    /bin/server -listen 127.0.0.1:8443 -certificate /tls/chain.pem -key /tls/key.pem -repository team/app -tag v1 >/tmp/accepted &
    until_ok listening 20FB
    pull="-registry $origin -ca /tls/ca.pem -repository team/app -tag v1"
    /bin/bystander $pull -early -repeat=2 -gate=/tmp/gate >/tmp/bystander 2>&1 &
    bystander=$!
    until_ok waits 1

    pullscope run --config.file=/tls.toml --log.level=debug 2>/tmp/log &
    pullscope=$!
    until_ok ready
    let_go
    until_ok waits 2
    wc -l </tmp/accepted | section 'connections of others'

    attempt puller-h2 /bin/puller-h2 $pull
    attempt puller-h1 /bin/puller-h1 $pull -h1
    format='%{method} %{url_effective} %{http_code} %{size_download} HTTP/%{http_version}\n'
    blobs=$(sed -n 's/^GET \(.*blobs[^ ]*\) .*/\1/p' /tmp/printed)
    for version in 1.1 2; do
        set --
        for path in /v2/team/app/manifests/v1 /v2/team/app/manifests/absent $blobs; do
            set -- "$@" -o /dev/null "$origin$path"
        done
        attempt "curl-h${version%.1}" "/bin/curl-h${version%.1}" "--http$version" -qsS --cacert /tls/ca.pem -w "$format" "$@"
    done
    wc -l </tmp/accepted | section 'connections of all'

    until_ok settled
    section metrics </tmp/metrics
    cat /proc/$pullscope/fdinfo/* | section descriptors
    changed $bystander /bin/puller | section 'changed while it runs'
    kill -TERM $pullscope
    wait $pullscope
    echo $? | section 'run status'
    section 'run log' </tmp/log
    changed $bystander /bin/puller | section 'changed after it'
    let_go
    until_ok waits 3
    let_go
    wait $bystander
    echo $? | section 'bystander status'
    section bystander </tmp/bystander
}

# Processes that tell their own ids, the ids that the kernel gives them of their peers (`SO_PEERCRED`, 17), and end in several
# ways. Perl without a module.
processes() {
    pullscope run --config.file=/processes.toml --log.level=debug 2>/tmp/log &
    pullscope=$!
    until_ok ready
    name='pack("Sa*", 1, "/tmp/socket")'
    peer='$|++; print "$$ ", unpack("l", getsockopt(S, 1, 17)), "\n"; syswrite(S, "a"); sysread(S, $a, 1);'
    /bin/peer-server -e "socket(L, 1, 1, 0); bind(L, $name); listen(L, 1); accept(S, L); $peer" >/tmp/server &
    server=$!
    until_ok [ -S /tmp/socket ]
    attempt client /bin/peer-client -e "socket(S, 1, 1, 0); connect(S, $name) or die; $peer exit 3"
    wait $server
    echo $? | section 'server status'
    section server </tmp/server
    attempt terminated /bin/peer-client -e '$|++; print "$$\n"; kill TERM, $$; sleep 9'
    attempt replaced /bin/peer-client -e '$|++; print "$$\n"; exec "/bin/busybox", "true"'
    # The log is written when the buffer is drained.
    until_ok grep -q became /tmp/log
    section 'run log' </tmp/log
    kill -TERM $pullscope
    wait $pullscope
}

# Each of the client's tests has two threads, and each thread one connection.
commands() {
    redis-server --save '' >/tmp/served &
    until_ok listening 18EB
    pullscope run --config.file=/redis.toml 2>/tmp/log &
    pullscope=$!
    until_ok ready
    attempt benchmark redis-benchmark -q -t set,get -n 300 -c 2 --threads 2
    printf 'INFO commandstats\r\nQUIT\r\n' | nc 127.0.0.1 6379 | section 'server counts'
    until_ok settled
    section metrics </tmp/metrics
    section 'run log' </tmp/log
    kill -TERM $pullscope
    wait $pullscope
}

uname -r | section release
case $scene in
ordinary)
    refusal 'no BTF'
    mount -t sysfs sys /sys
    mount -t cgroup2 cgroup /sys/fs/cgroup
    mount -t securityfs security /sys/kernel/security
    refusal 'no sock tracepoints' --kernel.strategy=sock
    unprivileged 'no privileges' run
    unprivileged 'no privileges check' 'check --output=json'
    attempt 'check' pullscope check --output=json --config.file=/pullscope.toml
    requests
    ;;
tls)
    mount -t sysfs sys /sys
    mount -t cgroup2 cgroup /sys/fs/cgroup
    mount -t securityfs security /sys/kernel/security
    attempt 'check' pullscope check --output=json --config.file=/tls.toml
    tls
    ;;
processes)
    mount -t sysfs sys /sys
    mount -t cgroup2 cgroup /sys/fs/cgroup
    mount -t securityfs security /sys/kernel/security
    processes
    ;;
redis)
    mount -t sysfs sys /sys
    mount -t cgroup2 cgroup /sys/fs/cgroup
    mount -t securityfs security /sys/kernel/security
    commands
    ;;
lockdown)
    mount -t sysfs sys /sys
    mount -t cgroup2 cgroup /sys/fs/cgroup
    # As in a container: lockdown is there and cannot be seen.
    attempt 'hidden lockdown' pullscope run
    mount -t securityfs security /sys/kernel/security
    refusal lockdown
    ;;
esac
echo '--- all told'
poweroff -f
