//! What the guest needs from Debian and the host must not install: another kernel; a busybox and a QEMU that would push
//! a host's own ones out (Debian's two busybox packages exclude each other, and a host may have QEMU's tools of another
//! release).
//!
//! The packages are fetched by apt-get, which checks their signatures, and what is wanted of them is kept in
//! `target/vm`. What is there is used as it is; to take newer ones, remove that folder.

use std::env;
use std::fs;
use std::iter;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use pullscope_tests::packages::installed;
use pullscope_tests::place::Place;
use pullscope_tests::process::{Running, run};

/// Some 30 MB, on a slow line.
const DOWNLOAD_PATIENCE: Duration = Duration::from_secs(600);

/// The kernel of Debian 12, which the host may not have.
const KERNEL: &str = "linux-image-6.1.";

/// Debian's package that depends on its newest cloud kernel.
const NEWEST_KERNEL: &str = "linux-image-cloud-amd64";

/// What emulates the guest's machine.
const QEMU: &str = "qemu-system-x86";

/// Its program.
const QEMU_PROGRAM: &str = "qemu-system-x86_64";

/// The image of Debian's cloud kernel 6.1.
#[track_caller]
pub fn kernel() -> PathBuf {
    let packages = || newest_kernel().into_iter().collect();
    kept("vmlinuz", packages, |tree| only_file(&tree.join("boot"), "vmlinuz-"))
}

/// A busybox that needs no library.
#[track_caller]
pub fn busybox() -> PathBuf {
    kept("busybox", || vec!["busybox-static".to_owned()], |tree| only_file(&tree.join("bin"), "busybox"))
}

/// A command that starts QEMU: the host's own where it has one.
#[track_caller]
pub fn qemu() -> Command {
    if let Some(program) = installed(QEMU_PROGRAM) {
        return Place::machine().command(program);
    }
    let tree = kept("qemu", || with_dependencies(QEMU), Path::to_owned);
    // It finds its firmware and modules beside itself, but not its libraries.
    let mut command = Place::machine().command(tree.join("usr/bin").join(QEMU_PROGRAM));
    let libraries = ["usr/lib", "lib"].map(|folder| tree.join(folder).join("x86_64-linux-gnu"));
    command
        .env("LD_LIBRARY_PATH", env::join_paths(libraries).expect("the target directory has a plain name"));
    command
}

/// What stands under that name in `target/vm`: when it is not there, `wanted` says what of the unpacked packages it is.
#[track_caller]
fn kept(name: &str, packages: impl Fn() -> Vec<String>, wanted: impl Fn(&Path) -> PathBuf) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("vm");
    let kept = folder.join(name);
    if !kept.exists() {
        fs::create_dir_all(&folder).expect("make the folder of what is fetched");
        let work = tempfile::tempdir_in(&folder).expect("a folder for a download");
        let tree = unpacked(work.path(), packages);
        // In one step: another test program may look for it now, or have been faster.
        let moved = fs::rename(wanted(&tree), &kept);
        assert!(moved.is_ok() || kept.exists(), "cannot keep {}: {moved:?}", kept.display());
    }
    kept
}

/// Fetches packages and unpacks them below `work`. An old list of packages may name one that Debian has replaced: then
/// the list is fetched too.
#[track_caller]
fn unpacked(work: &Path, packages: impl Fn() -> Vec<String>) -> PathBuf {
    if !download(work, &packages()) {
        let _ = apt("apt-get", &["update"], work).wait(DOWNLOAD_PATIENCE).expect_ok();
        assert!(download(work, &packages()), "apt-get cannot download {:?}", packages());
    }
    let tree = work.join("tree");
    for package in files(work) {
        let mut extract = Command::new("dpkg-deb");
        extract.arg("--extract").arg(package).arg(&tree);
        let _ = run(extract).expect_ok();
    }
    tree
}

/// Whether there are packages, and each could be fetched.
#[track_caller]
fn download(work: &Path, packages: &[String]) -> bool {
    let arguments: Vec<_> = iter::once("download").chain(packages.iter().map(String::as_str)).collect();
    !packages.is_empty() && apt("apt-get", &arguments, work).wait(DOWNLOAD_PATIENCE).ok()
}

/// A package and those of its dependencies that the host lacks, as `NAME=VERSION`; none when the list of packages does not
/// know it. apt-get only says what it would install: what it would remove for that stays.
#[track_caller]
fn with_dependencies(package: &str) -> Vec<String> {
    let simulation = ["install", "--simulate", "--no-install-recommends", package];
    let told = apt("apt-get", &simulation, Path::new("/")).wait(DOWNLOAD_PATIENCE);
    // `Inst NAME [INSTALLED VERSION] (VERSION ORIGIN [ARCHITECTURE])`
    let name_and_version = |line: &str| {
        let (name, rest) = line.strip_prefix("Inst ")?.split_once(' ')?;
        let (_, version) = rest.split_once('(')?;
        Some(format!("{name}={}", version.split(' ').next()?))
    };
    told.stdout.lines().filter_map(name_and_version).collect()
}

/// The package of the newest cloud kernel, if the list of packages knows one.
///
/// # Panics
/// When it is not of the series that the tests are for.
#[track_caller]
fn newest_kernel() -> Option<String> {
    let depends = apt("apt-cache", &["depends", NEWEST_KERNEL], Path::new("/")).wait(DOWNLOAD_PATIENCE);
    let package = depends.stdout.lines().find_map(|line| line.trim().strip_prefix("Depends: "))?.to_owned();
    assert!(
        package.starts_with(KERNEL),
        "this Debian's {NEWEST_KERNEL} is {package}; these tests are for {KERNEL}*"
    );
    Some(package)
}

/// A command of apt, in the caller's environment: it may hold a proxy.
#[track_caller]
fn apt(program: &str, arguments: &[&str], folder: &Path) -> Running {
    let mut command = Command::new(program);
    // As root, apt would drop its privileges for the download, and then could not write here.
    command.env("LC_ALL", "C").args(["-qq", "-oAPT::Sandbox::User=root"]).args(arguments).current_dir(folder);
    Running::spawn(command)
}

/// The only file of `folder` whose name begins with `prefix`.
#[track_caller]
fn only_file(folder: &Path, prefix: &str) -> PathBuf {
    let begins =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix));
    let mut files = files(folder).filter(begins);
    let file = files.next().unwrap_or_else(|| panic!("no file {prefix}* in {}", folder.display()));
    assert_eq!(files.next(), None, "beside {}", file.display());
    file
}

/// The files of `folder`.
#[track_caller]
fn files(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.expect("an entry of a folder").path()).filter(|path| path.is_file())
}
