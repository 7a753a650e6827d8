# What the scripts of the guest have in common. Sections go to standard output.

# Tells its input, to the byte.
section() {
    echo "--- begin $1"
    cat
    echo
    echo "--- end $1"
}

# Runs a command to its end; tells what it printed, and its exit status.
attempt() {
    name=$1
    shift
    timeout 30 "$@" >/tmp/printed 2>&1
    status=$?
    section "$name" </tmp/printed
    echo "$status" | section "$name status"
}

# Runs a command until it succeeds, for about ten seconds. Whether it did, the sections that follow show.
until_ok() {
    tries=0
    until "$@" || [ $tries -ge 100 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
}

ready() {
    [ "$(/bin/busybox wget -q -O - http://127.0.0.1:10617/readyz 2>/dev/null)" = ready ]
}

# At a port, in hexadecimal digits.
listening() {
    grep -q ":$1 " /proc/net/tcp /proc/net/tcp6
}

# The ends of connections and processes may come a moment after the client's exit.
settled() {
    /bin/busybox wget -q -O /tmp/metrics http://127.0.0.1:10617/metrics &&
        ! grep -qE '^pullscope_(connections_open|registry_requests_in_flight|served_requests_in_flight).* [1-9]' /tmp/metrics
}
