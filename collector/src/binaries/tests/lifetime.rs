//! How long probes stay.

use super::*;

#[test]
fn a_file_of_the_host_keeps_its_probes_between_runs() {
    for home in [HOST, OWN] {
        let mut machine = machine();
        machine.file("opt/puller", "go");
        machine.begins(7, home, "opt/puller");
        machine.settle();
        machine.ends(7);
        machine.binaries.check();
        assert_eq!(machine.probed(), go(1), "{home}");
        machine.readable();
        machine.begins(8, home, "opt/puller");
        assert_eq!(machine.readable(), [(8, false)]);
        assert_eq!(machine.looked_at(), 1);
    }
}

#[test]
fn a_file_of_a_container_has_probes_only_while_it_runs() {
    let mut machine = machine();
    machine.file("opt/puller", "go");
    for pid in [7, 8] {
        machine.begins(pid, CONTAINER, "opt/puller");
        machine.settle();
        assert_eq!((machine.probed(), machine.readable()), (go(1), vec![(pid, true)]));
        machine.ends(pid);
        assert_eq!(machine.probed(), go(0));
    }
    assert_eq!(machine.looked_at(), 1, "what was found is remembered");
}

#[test]
fn a_container_s_file_that_is_run_again_at_once_keeps_its_probes() {
    let mut machine = machine();
    machine.file("opt/puller", "go");
    machine.begins(7, CONTAINER, "opt/puller");
    machine.settle();
    machine.readable();
    machine.binaries.ended(7);
    machine.begins(8, CONTAINER, "opt/puller");
    assert_eq!(machine.readable(), [(8, false)]);
    machine.settle();
    assert_eq!(machine.probed(), go(1));
}

#[test]
fn a_container_s_file_whose_process_ends_meanwhile_gets_none() {
    let mut machine = machine();
    machine.file("opt/puller", "go");
    machine.begins(7, CONTAINER, "opt/puller");
    machine.ends(7);
    machine.settle();
    assert_eq!((machine.probed(), machine.readable()), (go(0), vec![]));
}

#[test]
fn a_deleted_file_is_let_go_when_nobody_runs_it() {
    let mut machine = machine();
    machine.file("usr/bin/puller", "go");
    machine.find(&["puller"]);
    machine.settle();
    machine.begins(7, HOST, "usr/bin/puller");
    fs::remove_file(machine.path("usr/bin/puller")).unwrap();
    machine.binaries.check();
    assert_eq!(machine.probed(), go(1), "it still runs");
    machine.ends(7);
    assert_eq!((machine.probed(), machine.looked_at()), (go(0), 1));
    assert_eq!(machine.binaries.table.iter().count(), 0);
}

#[test]
fn a_deleted_file_that_nobody_runs_is_found_by_the_check() {
    let mut machine = machine();
    machine.file("usr/bin/puller", "go");
    machine.find(&["puller"]);
    machine.settle();
    fs::remove_file(machine.path("usr/bin/puller")).unwrap();
    machine.binaries.check();
    assert_eq!(machine.probed(), go(0));
}

#[test]
fn an_upgrade_puts_a_new_file_beside_the_old_one() {
    let mut machine = machine();
    machine.file("usr/bin/puller", "go");
    machine.find(&["puller"]);
    machine.begins(7, HOST, "usr/bin/puller");
    machine.settle();
    machine.file("usr/bin/puller", "go too");
    machine.begins(8, HOST, "usr/bin/puller");
    machine.settle();
    assert_eq!(machine.probed(), go(2), "the old one still runs");
    machine.ends(7);
    assert_eq!((machine.probed(), machine.looked_at()), (go(1), 2));
}

#[test]
fn a_file_that_is_written_to_loses_its_probes_at_once() {
    let mut machine = machine();
    machine.file("usr/bin/puller", "go");
    machine.find(&["puller"]);
    machine.settle();
    // In place, as `cp` does, not by a new file.
    fs::write(machine.path("usr/bin/puller"), "none").unwrap();
    machine.settle();
    assert_eq!(machine.probed(), go(0));
    machine.begins(7, HOST, "usr/bin/puller");
    machine.settle();
    assert_eq!((machine.probed(), machine.looked_at(), machine.readable()), (go(0), 2, vec![]));
}

#[test]
fn a_file_in_use_that_is_written_to_is_looked_at_again() {
    let mut machine = machine();
    machine.file("opt/puller", "go");
    machine.begins(7, HOST, "opt/puller");
    machine.settle();
    fs::write(machine.path("opt/puller"), "go and more").unwrap();
    machine.settle();
    assert_eq!((machine.probed(), machine.looked_at()), (go(1), 2));
    assert_eq!(machine.readable(), [(7, true)], "told once");
}

#[test]
fn what_was_remembered_of_a_file_is_worth_nothing_when_it_was_overwritten() {
    let mut machine = machine();
    machine.file("opt/puller", "refused");
    machine.begins(7, HOST, "opt/puller");
    machine.settle();
    fs::write(machine.path("opt/puller"), "go").unwrap();
    machine.begins(8, HOST, "opt/puller");
    machine.settle();
    assert_eq!((machine.probed(), machine.looked_at()), (go(1), 2));
}

#[test]
fn a_child_runs_what_its_parent_runs() {
    let mut machine = machine();
    machine.file("opt/puller", "go");
    machine.begins(7, CONTAINER, "opt/puller");
    machine.binaries.forked(8, 7);
    machine.settle();
    assert_eq!(machine.readable(), [(7, true), (8, true)]);
    machine.binaries.forked(9, 8);
    assert_eq!(machine.readable(), [], "the model knows that a child has what its parent has");
    machine.ends(7);
    machine.ends(8);
    assert_eq!(machine.probed(), go(1));
    machine.ends(9);
    assert_eq!(machine.probed(), go(0));
}

#[test]
fn a_process_that_becomes_another_program_no_longer_uses_the_first() {
    let mut machine = machine();
    machine.file("opt/a", "go");
    machine.file("opt/b", "go");
    machine.begins(7, CONTAINER, "opt/a");
    machine.settle();
    machine.begins(7, CONTAINER, "opt/b");
    machine.settle();
    assert_eq!((machine.probed(), machine.looked_at()), (go(1), 2));
    assert_eq!(machine.readable(), [(7, true), (7, true)]);
}

#[test]
fn after_a_loss_the_gone_are_let_go_and_the_new_are_found() {
    let mut machine = machine();
    machine.file("opt/a", "go");
    machine.file("opt/b", "go");
    machine.begins(7, CONTAINER, "opt/a");
    machine.settle();
    machine.process(8, CONTAINER, "opt/b");
    machine.binaries.resync(&HashSet::from([8]), &mut machine.probes);
    machine.settle();
    assert_eq!((machine.probed(), machine.readable()), (go(1), vec![(7, true), (8, true)]));
}
