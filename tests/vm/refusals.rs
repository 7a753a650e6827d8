//! Where pullscope cannot work it says so in one sentence and ends; `pullscope check` finds the same reason.

use serde_json::Value;

use crate::guest::{self, Guest};

/// The exit status of a machine that does not allow it (`pullscope --help`).
const NOT_ALLOWED: u8 = 1;

/// pullscope, started under this name, ended with one sentence that has these words in it.
#[track_caller]
fn refused(guest: &Guest, name: &str, words: &[&str]) {
    let said = guest.told(name);
    assert_eq!(guest.status(name), NOT_ALLOWED, "{name}: {said}");
    let sentence = said.strip_prefix("pullscope: ").and_then(|said| said.strip_suffix(".\n"));
    assert!(sentence.is_some_and(|sentence| !sentence.contains('\n')), "{name}: not one sentence: {said}");
    for word in words {
        assert!(said.contains(word), "{name}: no word of {word}: {said}");
    }
    // It is the machine that does not allow it, no defect of pullscope.
    assert!(!said.contains("report"), "{name}: {said}");
}

/// `pullscope check` found that exactly this fails.
#[track_caller]
fn fails(guest: &Guest, name: &str, expected: &str) {
    let name = format!("{name} check");
    assert_eq!(guest.status(&name), NOT_ALLOWED, "{name}: {}", guest.told(&name));
    assert_eq!(findings(guest, &name, "fail"), [expected]);
}

/// The names of the findings with that status.
#[track_caller]
fn findings(guest: &Guest, name: &str, status: &str) -> Vec<String> {
    let report: Value = serde_json::from_str(guest.told(name)).expect("JSON");
    let checks = report["checks"].as_array().expect("a list of checks").iter();
    let names = checks.filter(|check| check["status"] == status).map(|check| check["name"].as_str());
    names.map(|name| name.expect("a name").to_owned()).collect()
}

#[test]
fn without_the_kernels_types() {
    let guest = guest::ordinary();
    refused(&guest, "no BTF", &["/sys/kernel/btf/vmlinux", "CONFIG_DEBUG_INFO_BTF"]);
    fails(&guest, "no BTF", "BTF");
}

#[test]
fn without_privileges() {
    let guest = guest::ordinary();
    refused(&guest, "no privileges", &["root", "CAP_BPF", "CAP_PERFMON"]);
    fails(&guest, "no privileges", "capabilities");
}

#[test]
fn the_strategy_that_the_kernel_has_not() {
    let guest = guest::ordinary();
    refused(&guest, "no sock tracepoints", &["sock_send_length", "6.3", "--kernel.strategy=syscall"]);
    fails(&guest, "no sock tracepoints", "kernel");
}

#[test]
fn lockdown() {
    let guest = guest::locked_down();
    refused(&guest, "lockdown", &["lockdown=confidentiality"]);
    fails(&guest, "lockdown", "lockdown");
}

/// In a container the file that shows it (securityfs) is not there.
#[test]
fn lockdown_that_cannot_be_seen() {
    refused(&guest::locked_down(), "hidden lockdown", &["lockdown=confidentiality"]);
}

#[test]
fn nothing_stands_in_the_way() {
    let guest = guest::ordinary();
    let told = guest.told("check");
    assert_eq!(guest.status("check"), 0, "{told}");
    assert_eq!(findings(&guest, "check", "fail"), [""; 0], "{told}");
    assert_eq!(findings(&guest, "check", "warn"), [""; 0], "{told}");
    assert!(told.contains(&format!("{}: strategy syscall", guest.release())), "{told}");
}
