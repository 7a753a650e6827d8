//! OpenSSL's library: the host's, and those that processes bring along.

use super::*;

/// A line of `/proc/PID/maps`, and the link beside it where there is one.
fn map(machine: &Machine, pid: Pid, at: u64, inode: u64, path: &str, mapped: Option<&str>) {
    let (start, end) = (at << 12, (at + 1) << 12);
    let maps = machine.path(&format!("proc/{pid}/maps"));
    let before = fs::read_to_string(&maps).unwrap_or_default();
    let line = format!("{start:08x}-{end:08x} r-xp 00000000 fd:00 {inode}                      {path}\n");
    fs::write(maps, before + &line).unwrap();
    if let Some(mapped) = mapped {
        let target = machine.root.path().join(mapped);
        machine.link(&format!("proc/{pid}/map_files/{start:x}-{end:x}"), target.to_str().unwrap());
    }
}

#[test]
fn the_host_s_library_is_left_alone_where_all_are_go_programs() {
    let mut machine = machine();
    machine.file("usr/lib/x86_64-linux-gnu/libssl.so.3", "openssl");
    machine.file("usr/bin/puller", "go");
    machine.file("usr/bin/broken", "refused");
    machine.find(&["puller", "broken"]);
    machine.begins(7, HOST, "usr/bin/puller");
    machine.settle();
    machine.greets(7);
    machine.settle();
    assert_eq!(machine.probed(), go(1));
}

#[test]
fn the_host_s_library_gets_probes_with_the_first_other_program() {
    for other in ["none", "script"] {
        let mut machine = machine();
        machine.file("usr/lib/x86_64-linux-gnu/libssl.so.3", "openssl");
        machine.link("usr/lib/x86_64-linux-gnu/libssl.so", "libssl.so.3");
        machine.file("usr/lib/x86_64-linux-gnu/libssl3.so", "openssl");
        machine.file("usr/bin/curl", other);
        machine.find(&["curl"]);
        machine.settle();
        assert_eq!((machine.probed(), machine.binaries.refused()), (openssl(1), vec![]), "{other}");
    }
}

#[test]
fn a_process_is_readable_with_its_first_greeting_when_its_library_is_probed() {
    let mut machine = machine();
    machine.file("usr/lib/libssl.so.3", "openssl");
    machine.file("usr/bin/curl", "none");
    machine.find(&["curl"]);
    machine.settle();
    machine.begins(7, HOST, "usr/bin/curl");
    assert_eq!(machine.readable(), []);
    map(&machine, 7, 1, 5, "/usr/lib/libssl.so.3", Some("usr/lib/libssl.so.3"));
    machine.greets(7);
    assert_eq!((machine.readable(), machine.probed()), (vec![(7, false)], openssl(1)));
}

#[test]
fn a_process_without_the_library_is_not_readable() {
    let mut machine = machine();
    machine.file("usr/lib/libssl.so.3", "openssl");
    machine.file("usr/bin/rusty", "none");
    machine.find(&["rusty"]);
    machine.begins(7, HOST, "usr/bin/rusty");
    machine.settle();
    map(&machine, 7, 1, 5, "/usr/lib/libc.so.6", Some("usr/lib/libssl.so.3"));
    machine.greets(7);
    assert_eq!(machine.readable(), []);
}

#[test]
fn a_process_that_was_too_short_lived_had_the_probes_all_the_same() {
    let mut machine = machine();
    machine.file("usr/lib/libssl.so.3", "openssl");
    machine.file("usr/bin/curl", "none");
    machine.find(&["curl"]);
    machine.settle();
    for (pid, namespace) in [(7, HOST), (8, CONTAINER)] {
        machine.begins(pid, namespace, "usr/bin/curl");
        fs::remove_dir_all(machine.path(&format!("proc/{pid}"))).unwrap();
        machine.greets(pid);
    }
    assert_eq!(machine.readable(), [(7, false)], "what a container had is not known");
}

#[test]
fn a_process_that_nobody_has_waited_for_yet_is_gone() {
    let mut machine = machine();
    machine.file("usr/lib/libssl.so.3", "openssl");
    machine.file("usr/bin/curl", "none");
    machine.find(&["curl"]);
    machine.settle();
    // Nothing of it but empty maps.
    fs::create_dir_all(machine.path("proc/7")).unwrap();
    fs::write(machine.path("proc/7/maps"), "").unwrap();
    machine.binaries.began(7, &mut machine.probes);
    machine.greets(7);
    assert_eq!(machine.readable(), [(7, false)]);
}

#[test]
fn a_container_s_library_gets_probes_with_its_first_greeting() {
    let mut machine = machine();
    machine.file("container/bin/curl", "none");
    machine.file("container/lib/libssl.so.1.1", "openssl");
    machine.begins(7, CONTAINER, "container/bin/curl");
    machine.settle();
    for at in 1..5 {
        map(&machine, 7, at, 5, "/lib/libssl.so.1.1", Some("container/lib/libssl.so.1.1"));
    }
    machine.greets(7);
    machine.settle();
    assert_eq!((machine.readable(), machine.probed()), (vec![(7, true)], openssl(1)));
    machine.file("container/lib/libssl.so.3", "openssl");
    map(&machine, 7, 9, 6, "/lib/libssl.so.3", Some("container/lib/libssl.so.3"));
    machine.greets(7);
    machine.settle();
    assert_eq!(machine.looked_at(), 2, "once for each process");
    machine.ends(7);
    assert_eq!(machine.probed(), openssl(0));
}

#[test]
fn without_the_right_to_map_files_the_path_in_the_container_has_to_do() {
    let mut machine = machine();
    machine.file("container/bin/curl", "none");
    machine.file("container/lib/libssl.so.3.0.1", "openssl");
    machine.link("container/lib/libssl.so.3", "/lib/libssl.so.3.0.1");
    machine.begins(7, CONTAINER, "container/bin/curl");
    machine.link("proc/7/root", machine.root.path().join("container").to_str().unwrap());
    map(&machine, 7, 1, 5, "/lib/libssl.so.3", None);
    machine.greets(7);
    machine.settle();
    assert_eq!((machine.readable(), machine.probed()), (vec![(7, true)], openssl(1)));
}

#[test]
fn a_program_with_a_copy_inside_is_readable_from_its_beginning() {
    let mut machine = machine();
    machine.file("usr/bin/envoy", "openssl");
    machine.find(&["envoy"]);
    machine.settle();
    machine.begins(7, HOST, "usr/bin/envoy");
    assert_eq!((machine.readable(), machine.probed()), (vec![(7, false)], openssl(1)));
}

#[test]
fn a_go_program_s_memory_is_not_searched() {
    let mut machine = machine();
    machine.file("usr/bin/puller", "go");
    machine.file("lib/libssl.so.3", "openssl");
    machine.begins(7, HOST, "usr/bin/puller");
    machine.settle();
    map(&machine, 7, 1, 5, "/lib/libssl.so.3", Some("lib/libssl.so.3"));
    machine.greets(7);
    machine.settle();
    assert_eq!(machine.probed(), go(1));
}
