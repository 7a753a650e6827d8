//! What is found, and when.

use rustix::fs::{CWD, FileType, Mode};

use super::*;

#[test]
fn a_known_path_has_probes_before_its_first_run() {
    let mut machine = machine();
    machine.file("usr/bin/puller", "go");
    machine.find(&["puller", "missing"]);
    assert!(machine.binaries.is_starting());
    machine.settle();
    assert!(!machine.binaries.is_starting());
    assert_eq!(machine.probed(), go(1));
    machine.begins(7, HOST, "usr/bin/puller");
    assert_eq!(machine.readable(), [(7, false)]);
    assert_eq!(machine.looked_at(), 1);
}

#[test]
fn two_paths_of_one_file_are_one_file() {
    let mut machine = machine();
    machine.file("usr/bin/puller", "go");
    fs::hard_link(machine.path("usr/bin/puller"), machine.path("usr/local/bin/puller")).unwrap();
    machine.link("bin/puller", "/usr/bin/puller");
    machine.find(&["puller"]);
    machine.settle();
    machine.begins(7, CONTAINER, "usr/local/bin/puller");
    machine.settle();
    assert_eq!((machine.probed(), machine.looked_at()), (go(1), 1));
}

#[test]
fn a_link_does_not_lead_out_of_the_host_s_root() {
    let mut machine = machine();
    let outside = tempfile::NamedTempFile::new().unwrap();
    fs::write(outside.path(), "go").unwrap();
    machine.link("usr/bin/puller", outside.path().to_str().unwrap());
    machine.find(&["puller"]);
    machine.settle();
    assert_eq!((machine.probed(), machine.looked_at()), (go(0), 0));
}

#[test]
fn only_regular_files_are_opened() {
    let mut machine = machine();
    fs::create_dir_all(machine.path("usr/bin/directory/x").parent().unwrap()).unwrap();
    let pipe = machine.path("usr/bin/pipe");
    rustix::fs::mknodat(CWD, &pipe, FileType::Fifo, Mode::RWXU, 0).unwrap();
    machine.find(&["directory", "pipe"]);
    machine.settle();
    assert_eq!(machine.looked_at(), 0);
}

#[test]
fn a_program_that_appears_later_is_found_at_its_first_run() {
    let mut machine = machine();
    machine.find(&["puller"]);
    machine.settle();
    machine.file("usr/bin/puller", "go");
    machine.begins(7, HOST, "usr/bin/puller");
    assert_eq!(machine.readable(), []);
    machine.settle();
    assert_eq!(machine.readable(), [(7, true)]);
    assert_eq!(machine.probed(), go(1));
}

#[test]
fn a_process_that_is_gone_already_is_no_error() {
    let mut machine = machine();
    machine.binaries.began(7, &mut machine.probes);
    machine.greets(7);
    machine.ends(7);
    machine.settle();
    assert_eq!((machine.probed(), machine.binaries.refused()), (go(0), vec![]));
}

#[test]
fn a_refused_file_is_remembered_and_counted_once() {
    let mut machine = machine();
    machine.file("usr/bin/puller", "refused");
    for pid in 7..10 {
        machine.begins(pid, HOST, "usr/bin/puller");
        machine.settle();
    }
    assert_eq!(machine.binaries.refused(), ["functions_unknown"]);
    assert_eq!((machine.probed(), machine.looked_at(), machine.readable()), (go(0), 1, vec![]));
}

#[test]
fn a_file_that_is_probed_in_part_is_counted_once() {
    let mut machine = machine();
    machine.file("usr/bin/puller", "partly");
    machine.find(&["puller"]);
    machine.settle();
    assert_eq!((machine.probed(), machine.binaries.refused()), (go(1), vec!["module_unknown"]));
}

#[test]
fn a_refused_probe_is_counted_and_not_tried_again() {
    let mut machine = machine();
    machine.probes.fail = true;
    machine.file("usr/bin/puller", "go");
    machine.begins(7, HOST, "usr/bin/puller");
    machine.settle();
    machine.probes.fail = false;
    machine.begins(8, HOST, "usr/bin/puller");
    machine.settle();
    assert_eq!(machine.binaries.refused(), ["attach_failed"]);
    assert_eq!((machine.probed(), machine.readable()), (go(0), vec![]));
}

#[test]
fn a_file_that_never_stops_changing_is_refused() {
    let mut machine = machine();
    machine.file("usr/bin/puller", "growing");
    machine.find(&["puller"]);
    machine.settle();
    assert_eq!(machine.binaries.refused(), ["changing"]);
    assert_eq!(machine.looked_at(), 4);
}

#[test]
fn what_is_switched_off_has_no_probes() {
    for (wanted, expected) in [
        (Wanted { go: true, openssl: false }, go(1)),
        (Wanted { go: false, openssl: true }, openssl(2)),
        (Wanted { go: false, openssl: false }, go(0)),
    ] {
        let mut machine = machine_with(wanted, 100);
        machine.file("usr/bin/puller", "go");
        machine.file("usr/bin/curl", "openssl");
        machine.file("usr/lib/libssl.so.3", "openssl");
        machine.find(&["puller", "curl"]);
        machine.settle();
        assert_eq!(machine.probed(), expected, "{wanted:?}");
        assert_eq!(machine.binaries.refused(), [""; 0]);
    }
}

#[test]
fn a_full_table_forgets_what_nobody_uses() {
    let mut machine = machine_with(BOTH, 3);
    machine.file("usr/bin/known", "go");
    machine.find(&["known"]);
    for (pid, name) in [(7, "a"), (8, "b")] {
        machine.file(name, "go");
        machine.begins(pid, HOST, name);
    }
    machine.settle();
    machine.file("c", "go");
    machine.begins(9, HOST, "c");
    machine.settle();
    assert_eq!((machine.probed(), machine.binaries.refused()), (go(3), vec!["table_full"]));
    machine.ends(7);
    machine.begins(9, HOST, "c");
    machine.settle();
    assert_eq!((machine.probed(), machine.binaries.refused()), (go(3), vec![]));
    assert_eq!(machine.readable(), [(7, true), (8, true), (9, true)]);
}
