use std::fs;

use super::*;
use crate::config::{Strategy, Switch};

/// A machine on which everything is as it should be; tests then change one thing.
struct Machine {
    root: tempfile::TempDir,
    context: Context,
}

/// What `/proc/self/mountinfo` says where the unified hierarchy is mounted.
const CGROUP2: &str = "24 1 0:22 / /proc rw,relatime shared:13 - proc proc rw\n\
                       30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";

fn machine() -> Machine {
    let root = tempfile::tempdir().unwrap();
    let context = Context {
        host: Host::new(root.path()),
        settings: Settings::without_file(&SettingsArgs::default()),
        invalid: None,
    };
    let machine = Machine { root, context };
    machine.file("proc/self/status", "Name:\tpullscope\nCapEff:\t000001ffffffffff\n");
    machine.file("proc/sys/kernel/osrelease", "6.18.44\n");
    machine.file("proc/self/mountinfo", CGROUP2);
    // Another file system whose root has the number 1 (fs/proc/root.c: `PROC_ROOT_INO`).
    machine.link("sys/fs/cgroup", "/proc");
    machine.file("sys/kernel/btf/vmlinux", "");
    machine.file("sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
    machine.file("proc/17/comm", "containerd\n");
    machine.link("proc/self/ns/pid", "pid:[4026531836]");
    machine
}

impl Machine {
    fn file(&self, path: &str, text: &str) {
        let path = self.root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn link(&self, path: &str, target: &str) {
        let path = self.root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let _ = fs::remove_file(&path);
        std::os::unix::fs::symlink(target, path).unwrap();
    }

    fn remove(&self, path: &str) {
        fs::remove_file(self.root.path().join(path)).unwrap();
    }

    #[track_caller]
    fn expect(&self, check: Check, status: Outcome, reason: &str) {
        let finding = check(&self.context);
        assert_eq!(finding.status, status, "{finding:?}");
        assert!(finding.reason.contains(reason), "{finding:?}");
        assert_eq!(
            finding.mend.is_empty(),
            status == Outcome::Ok,
            "a mend where there is something to mend: {finding:?}"
        );
    }
}

#[test]
fn a_good_machine_is_ok() {
    let machine = machine();
    let checks: [Check; 8] = [
        privileges::capabilities,
        privileges::processes,
        privileges::probes,
        privileges::pid_namespace,
        kernel::version,
        kernel::btf,
        kernel::lockdown,
        kernel::cgroup2,
    ];
    for check in checks {
        machine.expect(check, Outcome::Ok, "");
    }
    machine.expect(programs::targets, Outcome::Ok, "running: containerd");
    machine.expect(settings::config, Outcome::Ok, "valid");
}

#[test]
fn capabilities_that_are_missing_are_named() {
    let machine = machine();
    let with = |mask: &str| machine.file("proc/self/status", &format!("CapEff:\t{mask}\n"));
    with("0000000000000000");
    machine.expect(privileges::capabilities, Outcome::Fail, "CAP_BPF and CAP_PERFMON missing");
    machine.expect(privileges::processes, Outcome::Warn, "CAP_SYS_PTRACE missing");
    with("0000008000000000"); // CAP_BPF
    machine.expect(privileges::capabilities, Outcome::Fail, "CAP_PERFMON missing");
    with("000000c000000000"); // and CAP_PERFMON
    machine.expect(privileges::capabilities, Outcome::Ok, "CAP_BPF and CAP_PERFMON");
    with("0000000000200000"); // CAP_SYS_ADMIN
    machine.expect(privileges::capabilities, Outcome::Ok, "CAP_SYS_ADMIN");
    with("0000000000080000"); // CAP_SYS_PTRACE
    machine.expect(privileges::processes, Outcome::Ok, "CAP_SYS_PTRACE");
    with("0000004000000000"); // CAP_PERFMON
    machine.expect(privileges::probes, Outcome::Ok, "CAP_PERFMON");
    machine.file("proc/sys/kernel/osrelease", "6.5.13\n");
    machine.expect(privileges::probes, Outcome::Warn, "CVE-2025-38466");
    with("0000008000000000"); // CAP_BPF
    machine.expect(privileges::probes, Outcome::Warn, "over TLS cannot be read");
    with("0000000000200000"); // CAP_SYS_ADMIN
    machine.expect(privileges::probes, Outcome::Ok, "CAP_SYS_ADMIN");
}

#[test]
fn programs_of_targets_are_told_with_what_they_offer() {
    let machine = machine();
    machine.expect(programs::probes, Outcome::Ok, "none is here yet");
    machine.file("usr/bin/skopeo", "#!/bin/sh\n");
    machine.file("usr/bin/unrelated", "#!/bin/sh\n");
    machine.file("usr/lib/libssl.so.3", "no library\n");
    machine.link("proc/17/exe", machine.root.path().join("opt/containerd").to_str().unwrap());
    machine.file("opt/containerd", "also none\n");
    let finding = programs::probes(&machine.context);
    let lines: Vec<&str> = finding.reason.lines().collect();
    assert_eq!(lines.len(), 3, "{lines:#?}");
    assert_eq!(lines[0], "/usr/bin/skopeo: refused: it is not an ELF program");
    assert!(lines[1].ends_with("/opt/containerd: refused: it is not an ELF program"), "{lines:#?}");
    assert!(lines[2].starts_with("/usr/lib/libssl.so.3: "), "{lines:#?}");
}

#[test]
fn a_program_that_cannot_be_probed_is_a_warning() {
    let machine = machine();
    // An ELF file for no known kind of machine.
    machine.file("usr/bin/skopeo", &format!("\x7fELF\x02\x01\x01{}", "\0".repeat(200)));
    machine.expect(programs::probes, Outcome::Warn, "/usr/bin/skopeo: refused: ");
}

#[test]
fn with_both_switches_off_no_program_is_looked_at() {
    let mut machine = machine();
    machine.file("usr/bin/skopeo", "#!/bin/sh\n");
    machine.context.settings.tls_go = Switch::Off;
    machine.context.settings.tls_openssl = Switch::Off;
    machine.expect(programs::probes, Outcome::Ok, "--tls.go=off and --tls.openssl=off");
}

#[test]
fn several_things_that_one_check_found_are_below_each_other() {
    let table = Report::from_findings(vec![Finding::warn("x", "first\nsecond", "mend")]).table();
    assert!(table.starts_with("warn  x  first\n         second\n         -> mend\n"), "{table}");
}

#[test]
fn the_kernels_version_decides_the_strategy() {
    let mut machine = machine();
    let mut with = |release: &str, strategy, status, reason| {
        machine.context.settings.strategy = strategy;
        machine.file("proc/sys/kernel/osrelease", release);
        machine.expect(kernel::version, status, reason);
    };
    with("6.3.0-rc1", Strategy::Auto, Outcome::Ok, "strategy sock");
    with("6.2.16", Strategy::Auto, Outcome::Ok, "strategy syscall");
    with("6.18.1", Strategy::Syscall, Outcome::Ok, "strategy syscall");
    with("6.2.16", Strategy::Sock, Outcome::Fail, "Linux 6.3");
    with("5.15.0-91-generic", Strategy::Auto, Outcome::Warn, "older than");
    with("5.4.0", Strategy::Auto, Outcome::Fail, "atomic operations");
    with("strange", Strategy::Auto, Outcome::Warn, "no version");
    machine.remove("proc/sys/kernel/osrelease");
    machine.expect(kernel::version, Outcome::Fail, "cannot be read");
}

#[test]
fn what_the_kernel_lacks_is_told() {
    let machine = machine();
    machine.remove("sys/kernel/btf/vmlinux");
    machine.expect(kernel::btf, Outcome::Fail, "/sys/kernel/btf/vmlinux is missing");
    machine.file("sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
    machine.expect(kernel::lockdown, Outcome::Ok, "integrity");
    machine.file("sys/kernel/security/lockdown", "none integrity [confidentiality]\n");
    machine.expect(kernel::lockdown, Outcome::Fail, "confidentiality");
    machine.remove("sys/kernel/security/lockdown");
    machine.expect(kernel::lockdown, Outcome::Ok, "none that can be seen");
}

#[test]
fn the_root_of_the_cgroups_is_looked_for_and_not_just_any_of_them() {
    let machine = machine();
    machine.link("sys/fs/cgroup", "/proc/self");
    machine.expect(kernel::cgroup2, Outcome::Warn, "/sys/fs/cgroup shows a container's own cgroup");
    assert_eq!(kernel::cgroup2(&machine.context).mend, "Mount the host's /sys/fs/cgroup.");
    // Both are there, as with the host's directory at another place of a container.
    let both = format!("{CGROUP2}31 24 0:26 / /host/cgroup rw - cgroup2 cgroup2 rw\n");
    machine.file("proc/self/mountinfo", &both);
    machine.link("host/cgroup", "/proc");
    machine.expect(kernel::cgroup2, Outcome::Ok, "/host/cgroup");
    machine.file("proc/self/mountinfo", "30 24 0:26 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n");
    machine.expect(kernel::cgroup2, Outcome::Warn, "no cgroup2 file system is mounted");
    machine.file("proc/self/mountinfo", "30 24 0:26 / /hidden/by/another rw - cgroup2 cgroup2 rw\n");
    machine.expect(kernel::cgroup2, Outcome::Warn, "no cgroup2 file system is mounted");
    machine.remove("proc/self/mountinfo");
    machine.expect(kernel::cgroup2, Outcome::Warn, "/proc/self/mountinfo cannot be read");
}

#[test]
fn a_container_s_own_pid_namespace_fails() {
    let machine = machine();
    machine.link("proc/self/ns/pid", "pid:[4026532198]");
    machine.expect(privileges::pid_namespace, Outcome::Fail, "a container's own");
    machine.remove("proc/self/ns/pid");
    machine.expect(privileges::pid_namespace, Outcome::Fail, "/proc/self/ns/pid");
}

#[test]
fn nothing_to_watch_is_a_warning_and_an_installed_program_is_none() {
    let machine = machine();
    machine.remove("proc/17/comm");
    machine.expect(programs::targets, Outcome::Warn, "none of them");
    machine.file("usr/bin/skopeo", "");
    machine.expect(programs::targets, Outcome::Ok, "installed: skopeo");
}

#[test]
fn a_taken_port_fails() {
    let mut machine = machine();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    machine.context.settings.listen_addresses =
        vec![taken.local_addr().unwrap().to_string().parse().unwrap()];
    machine.expect(settings::addresses, Outcome::Fail, "taken");
    drop(taken);
    machine.expect(settings::addresses, Outcome::Ok, "can be listened at");
}

#[test]
fn an_invalid_file_fails() {
    let mut machine = machine();
    machine.context.invalid = Some(Failure::usage("config file x", "line 3: unknown key", "Mend it."));
    machine.expect(settings::config, Outcome::Fail, "config file x: line 3: unknown key");
}

#[test]
fn the_report_is_as_bad_as_its_worst_finding() {
    let of = |statuses: &[Outcome]| {
        let finding =
            |status: &Outcome| Finding { name: "x", status: *status, reason: "r".into(), mend: "m".into() };
        let checks: Vec<Finding> = statuses.iter().map(finding).collect();
        Report::from_findings(checks)
    };
    assert_eq!(of(&[Outcome::Ok]).status, Outcome::Ok);
    assert_eq!(of(&[Outcome::Ok, Outcome::Warn, Outcome::Ok]).status, Outcome::Warn);
    let failed = of(&[Outcome::Fail, Outcome::Warn]);
    assert!(failed.failed() && failed.table().contains("fail  x  r\n"), "{}", failed.table());
    assert!(failed.json().contains("\"status\": \"fail\""));
}
