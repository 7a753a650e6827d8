//! What the guest needs from Debian and the host must not install: another kernel, and a busybox that would push a
//! host's own one out (Debian's two busybox packages exclude each other).
//!
//! The packages are fetched by apt-get, which checks their signatures, and one file of each is kept in `target/vm`.
//! What is there is used as it is; to take newer ones, remove that folder.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use pullscope_tests::process::{Outcome, Running, run};

/// Some 30 MB, on a slow line.
const DOWNLOAD_PATIENCE: Duration = Duration::from_secs(600);

/// The kernel of Debian 12, which the host may not have.
const KERNEL: &str = "linux-image-6.1.";

/// Debian's package that depends on its newest cloud kernel.
const NEWEST_KERNEL: &str = "linux-image-cloud-amd64";

/// The image of Debian's cloud kernel 6.1.
#[track_caller]
pub fn kernel() -> PathBuf {
    kept("vmlinuz", || newest_kernel().unwrap_or_default(), |tree| only_file(&tree.join("boot"), "vmlinuz-"))
}

/// A busybox that needs no library.
#[track_caller]
pub fn busybox() -> PathBuf {
    kept("busybox", || "busybox-static".to_owned(), |tree| only_file(&tree.join("bin"), "busybox"))
}

/// The file of that name in `target/vm`, taken from a package when it is not there.
#[track_caller]
fn kept(name: &str, package: impl Fn() -> String, file: impl Fn(&Path) -> PathBuf) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("vm");
    let kept = folder.join(name);
    if !kept.is_file() {
        fs::create_dir_all(&folder).expect("make the folder of fetched files");
        let work = tempfile::tempdir_in(&folder).expect("a folder for a download");
        let tree = unpacked(work.path(), package);
        // In one step: another test program may look for it now.
        fs::rename(file(&tree), &kept).expect("keep a fetched file");
    }
    kept
}

/// Fetches a package and unpacks it below `work`. An old list of packages may name one that Debian has replaced: then
/// the list is fetched too.
#[track_caller]
fn unpacked(work: &Path, package: impl Fn() -> String) -> PathBuf {
    if !download(work, &package()).ok() {
        let _ = apt("apt-get", &["update"], work).wait(DOWNLOAD_PATIENCE).expect_ok();
        let _ = download(work, &package()).expect_ok();
    }
    let tree = work.join("tree");
    let mut extract = Command::new("dpkg-deb");
    extract.arg("--extract").arg(only_file(work, "")).arg(&tree);
    let _ = run(extract).expect_ok();
    tree
}

fn download(work: &Path, package: &str) -> Outcome {
    apt("apt-get", &["download", package], work).wait(DOWNLOAD_PATIENCE)
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
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let begins = |path: &PathBuf| {
        path.is_file() && path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix))
    };
    let mut files = entries.map(|entry| entry.expect("an entry of a folder").path()).filter(begins);
    let file = files.next().unwrap_or_else(|| panic!("no file {prefix}* in {}", folder.display()));
    assert_eq!(files.next(), None, "beside {}", file.display());
    file
}
