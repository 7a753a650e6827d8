//! pullscope as a service: `deploy/systemd` installed as docs/install.md says, in a guest whose process 1 is Debian's systemd. The
//! oracles are what systemd says of the unit, what the kernel says of the process, and what clients say.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use pullscope_tests::collector::clients;
use pullscope_tests::go;
use pullscope_tests::packages::program;
use pullscope_tests::place::Place;
use pullscope_tests::process::run;

use crate::compare::{ASKED, nothing_lost_or_left, same, scrape};
use crate::guest::{self, CURLS, GO_CLIENTS, Guest, Shown};

/// The capabilities that the unit leaves: `CAP_NET_ADMIN`, `CAP_SYS_PTRACE`, `CAP_SYS_ADMIN`, `CAP_PERFMON`, `CAP_BPF`
/// (include/uapi/linux/capability.h).
const CAPABILITIES: u64 = 1 << 12 | 1 << 19 | CAP_SYS_ADMIN | 1 << 38 | 1 << 39;
const CAP_SYS_ADMIN: u64 = 1 << 21;

/// How exposed the unit may be, in tenths of what `systemd-analyze security` says.
const EXPOSURE: u32 = 31;

const SCENE: &[u8] = include_bytes!("systemd/scene.sh");
const SCENE_SERVICE: &[u8] = include_bytes!("systemd/scene.service");
const GUEST_CONF: &[u8] = include_bytes!("systemd/guest.conf");

/// The folder of systemd's own units, on the host as in the guest.
const UNITS: &str = "/usr/lib/systemd/system";

/// Those of them that the guest needs: what pullscope's unit is after, and what comes before that.
const TARGETS: [&str; 4] = ["basic.target", "multi-user.target", "shutdown.target", "sysinit.target"];

fn deployed(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/systemd").join(name)
}

fn guest() -> Shown {
    static GUEST: LazyLock<Guest> = LazyLock::new(|| {
        let mut files = guest::files();
        guest::tls(&mut files);
        guest::with_libraries(&mut files, "/usr/lib/systemd/systemd", &program("systemd"));
        guest::with_libraries(&mut files, "/bin/systemctl", &program("systemctl"));
        for name in TARGETS {
            files.file(&format!("{UNITS}/{name}"), &guest::read(&Path::new(UNITS).join(name)));
        }
        for folder in ["/root", "/run", "/var/tmp"] {
            files.folder(folder);
        }
        files.link("/usr/local/bin/pullscope", "/bin/pullscope");
        let units = "/etc/systemd/system";
        files.file(&format!("{units}/pullscope.service"), &guest::read(&deployed("pullscope.service")));
        files.file(&format!("{units}/pullscope.service.d/guest.conf"), GUEST_CONF);
        files.file(&format!("{units}/scene.service"), SCENE_SERVICE);
        files.link(&format!("{units}/default.target.wants/scene.service"), "../scene.service");
        files.link(&format!("{units}/default.target"), &format!("{UNITS}/multi-user.target"));
        files.file("/scene.sh", SCENE);
        let mut config = fs::read_to_string(deployed("pullscope.toml")).expect("the config");
        config.push_str(&clients(GO_CLIENTS.into_iter().chain(CURLS)));
        files.file("/etc/pullscope/pullscope.toml", config.as_bytes());
        // Crashed, it would wait for somebody to look at it.
        Guest::run("rdinit=/usr/lib/systemd/systemd systemd.crash_reboot=1 systemd.show_status=0", files)
    });
    Shown(&GUEST)
}

/// What systemd shows of the unit.
#[track_caller]
fn properties<'a>(guest: &'a Guest, name: &str) -> BTreeMap<&'a str, &'a str> {
    guest.told(name).lines().filter_map(|line| line.split_once('=')).collect()
}

/// The value of a field in `/proc/PID/status`, a number in hexadecimal digits.
#[track_caller]
fn field(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":\t"));
    line.and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or_else(|| panic!("{name}: {status}"))
}

#[test]
fn it_is_started_when_it_is_ready() {
    let guest = guest();
    let shown = properties(&guest, "started");
    assert_eq!(guest.status("enable"), 0, "{}", guest.told("enable"));
    let log = guest.told("log at the start");
    assert!(log.contains("kernel programs attached") && log.contains("a program has probes"), "{log}");
    assert_eq!(guest.status("ready after it"), 0, "{shown:?}");
    let state = [shown["ActiveState"], shown["SubState"], shown["UnitFileState"], shown["NRestarts"]];
    assert_eq!(state, ["active", "running", "enabled", "0"]);

    let attached = scrape(&guest).count("pullscope_probe_attached", &[]);
    let expected = format!(
        "strategy syscall, {attached} of {attached} kernel programs attached, http://127.0.0.1:10617/metrics"
    );
    assert_eq!(shown["StatusText"], expected);
    assert!(guest.told("status").contains(&expected), "{}", guest.told("status"));
}

#[test]
fn it_has_the_privileges_of_the_unit_and_no_others() {
    let guest = guest();
    let status = guest.told("process");
    for set in ["CapBnd", "CapPrm", "CapEff"] {
        assert_eq!(field(status, set), CAPABILITIES, "{set}: {status}");
    }
    for set in ["CapInh", "CapAmb"] {
        assert_eq!(field(status, set), 0, "{set}: {status}");
    }
    // 2 is a filter (include/uapi/linux/seccomp.h, `SECCOMP_MODE_FILTER`).
    assert_eq!([field(status, "NoNewPrivs"), field(status, "Seccomp")], [1, 2], "{status}");
    let limits = guest.told("limits");
    let limit = |name| limits.lines().find_map(|line: &str| line.strip_prefix(name));
    let values = |name| limit(name).expect("a limit").split_whitespace().take(2).collect::<Vec<_>>();
    assert_eq!(values("Max open files"), ["524288"; 2]);
    assert_eq!(values("Max core file size"), ["1"; 2]);
}

/// Probes in a program file, which is looked for in the file systems of process 1, and programs at the root of the cgroups.
#[test]
fn it_sees_what_it_sees_without_the_unit() {
    let guest = guest();
    let scrape = scrape(&guest);
    let client = GO_CLIENTS[1];
    assert_eq!(guest.status(client), 0, "{}", guest.told(client));
    let log = go::pulls(guest.told(client)).swap_remove(0);
    assert_eq!(log.0.len(), 8, "{log}");
    same(&scrape, client, ASKED, &log);
    let visible = scrape.group("pullscope_connections_by_visibility_total", &[], ["process", "visibility"]);
    assert!(visible.keys().all(|[_, visibility]| visibility == "tls_decoded"), "{scrape}");

    // 7 is a failed connect (curl, include/curl/curl.h, `CURLE_COULDNT_CONNECT`).
    assert_eq!(guest.status("curl unreachable"), 7, "{}", guest.told("curl unreachable"));
    let failed = scrape.group("pullscope_connects_total", &[("process", CURLS[0])], ["result"]);
    assert_eq!(failed, BTreeMap::from([(["unreachable".to_owned()], 1)]), "{scrape}");
    nothing_lost_or_left(&scrape);
    assert_eq!(scrape.count("pullscope_binaries_refused_total", &[]), 0, "{scrape}");
    let log = guest.told("log of a run");
    assert!(log.lines().all(|line| line.contains(" INFO ")), "{log}");
}

#[test]
fn one_that_is_stuck_is_started_anew_and_one_that_is_idle_is_not() {
    let guest = guest();
    let [started, idle, stuck] =
        ["started", "after a while", "after it was stuck"].map(|name| properties(&guest, name));
    assert_eq!(idle, started);
    assert_eq!([stuck["NRestarts"], stuck["ActiveState"]], ["1", "active"]);
    assert_ne!(stuck["MainPID"], started["MainPID"]);
    assert_eq!(stuck["StatusText"], started["StatusText"]);
}

#[test]
fn a_clean_stop() {
    let guest = guest();
    assert_eq!(guest.status("stop"), 0, "{}", guest.told("stop"));
    let shown = properties(&guest, "stopped");
    let state = [shown["ActiveState"], shown["Result"], shown["ExecMainStatus"]];
    assert_eq!(state, ["inactive", "success", "0"]);
}

#[test]
fn a_failure_of_the_moment_is_tried_again() {
    let guest = guest();
    let taken = properties(&guest, "port taken");
    assert_eq!([taken["ActiveState"], taken["ExecMainStatus"]], ["activating", "1"]);
    assert!(taken["StatusText"].contains("127.0.0.1:10617: the port is taken"), "{taken:?}");
    assert_eq!(properties(&guest, "port free")["ActiveState"], "active");
}

#[test]
fn a_wrong_config_is_told_once() {
    let guest = guest();
    assert_eq!(guest.status("start wrong"), 1, "{}", guest.told("start wrong"));
    let shown = properties(&guest, "wrong");
    let state = [shown["ActiveState"], shown["Result"], shown["ExecMainStatus"], shown["NRestarts"]];
    assert_eq!(state, ["failed", "exit-code", "2", "0"]);
    let log = guest.told("log of a mistake");
    assert!(log.contains("/etc/pullscope/pullscope.toml: line 1: unknown key `nonsense`"), "{log}");
    assert_eq!(log.trim_end(), format!("pullscope: {}", shown["StatusText"]));
}

/// Without it everything but probes in program files works on this kernel.
#[test]
fn the_largest_capability_can_be_taken_away() {
    let guest = guest();
    assert_eq!(guest.status("start with less"), 0, "{}", guest.told("start with less"));
    let status = guest.told("process with less");
    assert_eq!(field(status, "CapEff"), CAPABILITIES & !CAP_SYS_ADMIN, "{status}");
    let [all, less] = ["started", "with less"].map(|name| properties(&guest, name)["StatusText"]);
    assert_eq!(less, all);
}

/// systemd understands every line of the unit, and finds it as little exposed as docs/security.md says.
#[test]
fn the_unit_is_well_formed() {
    let folder = tempfile::tempdir().expect("a folder for a unit");
    let path = |name: &str| folder.path().join(name);
    for folder in ["etc/systemd/system", "usr/local/bin"] {
        fs::create_dir_all(path(folder)).expect("make a folder");
    }
    fs::copy("/bin/true", path("usr/local/bin/pullscope")).expect("copy a program");
    let unit = path("etc/systemd/system/pullscope.service");
    fs::copy(deployed("pullscope.service"), &unit).expect("copy the unit");
    let analyze = |verb: &str, arguments: &[&str]| {
        let mut command = Place::machine().command("systemd-analyze");
        command.arg(verb).arg(format!("--root={}", folder.path().display())).args(arguments);
        run(command).expect_ok()
    };
    let said = analyze("verify", &["--recursive-errors=no", "pullscope.service"]);
    assert_eq!(said.stderr, "", "{said:?}");
    let threshold = format!("--threshold={EXPOSURE}");
    let _ = analyze("security", &["--offline=true", "--no-pager", &threshold, "pullscope.service"]);
}
