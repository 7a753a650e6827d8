//! Program files come and go: seen in their first run, in other mount namespaces too, and let go of when they are deleted.

use std::fs;
use std::path::Path;
use std::process::Command;

use nix::sys::statvfs::statvfs;
use pullscope_tests::collector::{Collector, Settings, clients};
use pullscope_tests::go::{self, Pull, TOOLCHAINS, Variant};
use pullscope_tests::images::Image;
use pullscope_tests::log::Log;
use pullscope_tests::packages::program;
use pullscope_tests::place::Place;
use pullscope_tests::process::{PATIENCE, Running, poll, run};
use pullscope_tests::secure::Secure;
use pullscope_tests::tls::Version;
use pullscope_tests::turn::alone;

use crate::compare::{all_decoded, instrumented, same_traffic, settled};

const NAME: &str = "team/app:v1";
const PROCESS: &str = "puller";
const NEWEST: &str = TOOLCHAINS[TOOLCHAINS.len() - 1];

fn pull(secure: &Secure) -> Pull<'static> {
    Pull {
        registry: secure.origin(),
        authority: Some(secure.authority.file()),
        name: NAME,
        ..Pull::default()
    }
}

fn config() -> String {
    format!("default_targets = false\n{}", clients([PROCESS]))
}

/// Clients that live for a moment, each in the first run of its file: it is looked at where it stands, before that.
#[test]
fn a_client_that_lives_for_a_moment() {
    let alone = alone();
    let image = Image::make(&[2_000], 38);
    let secure = Secure::with(Version::Http2, &image, NAME);
    let dir = tempfile::tempdir().expect("a directory for programs");
    let names: Vec<_> = (0..10).map(|number| format!("moment-{number}")).collect();
    for name in &names {
        go::installed_as(&go::puller(NEWEST, Variant::Static), dir.path(), name);
    }
    let config = format!("default_targets = false\n{}", clients(&names));
    let settings = Settings { config: Some(&config), programs: Some(dir.path()), ..Settings::default() };
    let collector = Collector::start_with(&alone, &settings);
    instrumented(&collector, "go", names.len() as u64);
    let told = names.iter().map(|name| {
        let outcome = run(pull(&secure).command(&Place::machine(), &dir.path().join(name))).expect_ok();
        println!("{name} lived for {:?}", outcome.wall);
        go::pulls(&outcome.stdout).swap_remove(0)
    });
    let told: Vec<_> = told.collect();
    let log = secure.stop();
    assert_eq!(told.iter().cloned().fold(Log::default(), Log::and).comparable(), log.comparable());
    let scrape = settled(&collector, &log);
    for (name, log) in names.iter().zip(&told) {
        same_traffic(&scrape, name, "[IP_ADDRESS]", log);
        all_decoded(&scrape, name, "[IP_ADDRESS]", 1);
    }
    collector.stop();
}

/// A file that only one mount namespace has, as those of containers: it is found when it is run. The client waits until then.
#[test]
fn a_program_of_another_mount_namespace() {
    let alone = alone();
    let image = Image::make(&[70_000, 2_000], 38);
    let secure = Secure::with(Version::Http2, &image, NAME);
    let dir = tempfile::tempdir().expect("a directory for programs");
    let (inner, gate) = (dir.path().join("inner"), dir.path().join("gate"));
    fs::create_dir(&inner).expect("a directory to mount at");
    let config = config();
    let settings = Settings { config: Some(&config), programs: Some(&inner), ..Settings::default() };
    let collector = Collector::start_with(&alone, &settings);
    instrumented(&collector, "go", 0);

    let pull = Pull { gate: Some(&gate), early: true, ..pull(&secure) };
    let client = pull.command(&Place::machine(), &inner.join(PROCESS));
    let mut command = Command::new(program("setpriv"));
    command.args(["--pdeathsig", "KILL", "--"]).arg(program("unshare"));
    command.args(["--mount", "--propagation", "private", "--", "/bin/sh", "-c"]);
    command.arg(r#"mount -t tmpfs none "$0" && cp "$1" "$0/puller" && shift && exec "$@""#);
    command
        .arg(&inner)
        .arg(go::puller(NEWEST, Variant::Pie))
        .arg(client.get_program())
        .args(client.get_args());
    let running = Running::spawn(command);
    running.wait_for_output(|output| output.contains("waiting\n"));
    assert!(!inner.join(PROCESS).exists(), "nobody else sees it");
    instrumented(&collector, "go", 1);
    for count in 1..=2 {
        running.wait_for_output(|output| output.matches("waiting\n").count() == count);
        fs::write(&gate, "").expect("open a gate");
    }
    let told = go::pulls(&running.wait(PATIENCE).expect_ok().stdout).swap_remove(0);
    let log = secure.stop();
    assert_eq!(told.comparable(), log.comparable());
    let scrape = settled(&collector, &log);
    same_traffic(&scrape, PROCESS, "[IP_ADDRESS]", &log);
    all_decoded(&scrape, PROCESS, "[IP_ADDRESS]", 1);
    collector.stop();
}

/// A small file system of its own; unmounted when dropped.
struct Mounted<'a>(&'a Path);

impl<'a> Mounted<'a> {
    #[track_caller]
    fn at(folder: &'a Path) -> Self {
        let mut command = Place::machine().command("mount");
        command.args(["-t", "tmpfs", "-o", "size=64m", "none"]).arg(folder);
        let _ = run(command).expect_ok();
        Self(folder)
    }

    /// Blocks in use, deleted files that somebody holds included.
    #[track_caller]
    fn used(&self) -> u64 {
        let state = statvfs(self.0).expect("the state of a file system");
        state.blocks() - state.blocks_free()
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let mut command = Place::machine().command("umount");
        command.arg("--lazy").arg(self.0);
        let _ = run(command);
    }
}

/// Deleting a file frees its space: probes do not hold it for longer than a while.
#[test]
fn a_deleted_program_is_let_go() {
    let alone = alone();
    let image = Image::make(&[2_000], 38);
    let secure = Secure::with(Version::Http2, &image, NAME);
    let dir = tempfile::tempdir().expect("a directory to mount at");
    let mounted = Mounted::at(dir.path());
    let empty = mounted.used();
    let path = go::installed_as(&go::puller(NEWEST, Variant::Static), dir.path(), PROCESS);
    let config = config();
    let settings = Settings { config: Some(&config), programs: Some(dir.path()), ..Settings::default() };
    let collector = Collector::start_with(&alone, &settings);
    instrumented(&collector, "go", 1);
    let _ = run(pull(&secure).command(&Place::machine(), &path)).expect_ok();
    collector.settled();
    assert!(mounted.used() > empty);
    fs::remove_file(&path).expect("delete a program");
    instrumented(&collector, "go", 0);
    let freed = poll(PATIENCE, || (mounted.used() == empty).then_some(()));
    assert!(freed.is_some(), "{} blocks are in use, {empty} before", mounted.used());
    // Another file takes its name, and is seen.
    go::installed_as(&go::puller(NEWEST, Variant::Pie), dir.path(), PROCESS);
    let gate = dir.path().join("gate");
    let waiting = Pull { gate: Some(&gate), early: true, ..pull(&secure) };
    let before = collector.settled();
    let running = Running::spawn(waiting.command(&Place::machine(), &path));
    running.wait_for_output(|output| output.contains("waiting\n"));
    instrumented(&collector, "go", 1);
    for count in 1..=2 {
        running.wait_for_output(|output| output.matches("waiting\n").count() == count);
        fs::write(&gate, "").expect("open a gate");
    }
    let told = go::pulls(&running.wait(PATIENCE).expect_ok().stdout).swap_remove(0);
    let scrape = settled(&collector, &told).since(&before);
    same_traffic(&scrape, PROCESS, "[IP_ADDRESS]", &told);
    collector.stop();
    drop(mounted);
}
