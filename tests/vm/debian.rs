//! What the guest needs from Debian and the host must not install: another kernel, maybe for another machine; a busybox and a
//! QEMU that would push a host's own ones out (Debian's two busybox packages exclude each other, and a host may have QEMU's
//! tools of another release).
//!
//! The packages are fetched by apt-get, which checks their signatures, and what is wanted of them is kept in
//! `target/vm`, by machine. What is there is used as it is; to take newer ones, remove that folder.

use std::env;
use std::fs;
use std::iter;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use pullscope_tests::packages::installed;
use pullscope_tests::place::Place;
use pullscope_tests::process::{Outcome, Running, run};

use crate::machine::Machine;

/// Some 30 MB, on a slow line.
const DOWNLOAD_PATIENCE: Duration = Duration::from_secs(600);

/// The kernel of Debian 12, which the host may not have.
const KERNEL: &str = "linux-image-6.1.";

/// The image of Debian's cloud kernel 6.1.
#[track_caller]
pub fn kernel() -> PathBuf {
    let packages = |apt: &Apt| newest_kernel(apt).into_iter().collect();
    let architecture = Machine::of_guests().debian;
    kept("vmlinuz", architecture, packages, |tree| only_file(&tree.join("boot"), "vmlinuz-"))
}

/// A busybox that needs no library.
#[track_caller]
pub fn busybox() -> PathBuf {
    let packages = |_: &Apt| vec!["busybox-static".to_owned()];
    let architecture = Machine::of_guests().debian;
    kept("busybox", architecture, packages, |tree| only_file(&tree.join("bin"), "busybox"))
}

/// The files of a package and of all that it depends on, for a machine that is not the host's.
#[track_caller]
pub fn tree(package: &str) -> PathBuf {
    let architecture = Machine::of_guests().debian;
    kept(package, architecture, |apt| apt.with_dependencies(package), Path::to_owned)
}

/// A command that starts QEMU: the host's own where it has one.
#[track_caller]
pub fn qemu() -> Command {
    let (package, program) = Machine::of_guests().qemu;
    if let Some(program) = installed(program) {
        return Place::machine().command(program);
    }
    let host = Machine::host();
    let tree = kept(package, host.debian, |apt| apt.with_dependencies(package), Path::to_owned);
    // It finds its firmware and modules beside itself, but not its libraries.
    let mut command = Place::machine().command(tree.join("usr/bin").join(program));
    let libraries =
        ["usr/lib", "lib"].map(|folder| tree.join(folder).join(format!("{}-linux-gnu", host.name)));
    command
        .env("LD_LIBRARY_PATH", env::join_paths(libraries).expect("the target directory has a plain name"));
    command
}

/// What stands under that name in `target/vm`: when it is not there, `wanted` says what of the unpacked packages it is.
#[track_caller]
fn kept(
    name: &str,
    architecture: &'static str,
    packages: impl Fn(&Apt) -> Vec<String>,
    wanted: impl Fn(&Path) -> PathBuf,
) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("vm").join(architecture);
    let kept = folder.join(name);
    if !kept.exists() {
        fs::create_dir_all(&folder).expect("make the folder of what is fetched");
        let work = tempfile::tempdir_in(&folder).expect("a folder for a download");
        let tree = unpacked(&Apt { folder: work.path().to_owned(), architecture }, packages);
        // In one step: another test program may look for it now, or have been faster.
        let moved = fs::rename(wanted(&tree), &kept);
        assert!(moved.is_ok() || kept.exists(), "cannot keep {}: {moved:?}", kept.display());
    }
    kept
}

/// Fetches packages and unpacks them. An old list of packages may name one that Debian has replaced: then the list is fetched
/// too.
#[track_caller]
fn unpacked(apt: &Apt, packages: impl Fn(&Apt) -> Vec<String>) -> PathBuf {
    if !apt.download(&packages(apt)) {
        let _ = apt.run("apt-get", &["update"]).expect_ok();
        let packages = packages(apt);
        assert!(apt.download(&packages), "apt-get cannot download {packages:?}");
    }
    let tree = apt.folder.join("tree");
    for package in files(&apt.folder) {
        let mut extract = Command::new("dpkg-deb");
        extract.arg("--extract").arg(package).arg(&tree);
        let _ = run(extract).expect_ok();
    }
    tree
}

/// The package of the newest cloud kernel, if the list of packages knows one.
///
/// # Panics
/// When it is not of the series that the tests are for.
#[track_caller]
fn newest_kernel(apt: &Apt) -> Option<String> {
    let newest = format!("linux-image-cloud-{}", apt.architecture);
    let depends = apt.run("apt-cache", &["depends", &newest]);
    let package = depends.stdout.lines().find_map(|line| line.trim().strip_prefix("Depends: "))?.to_owned();
    assert!(
        package.starts_with(KERNEL),
        "this Debian's {newest} is {package}; these tests are for {KERNEL}*"
    );
    Some(package)
}

/// apt, for packages of one architecture.
struct Apt {
    /// Where downloads go, and lists of packages that are not the host's.
    folder: PathBuf,
    /// As Debian calls it.
    architecture: &'static str,
}

impl Apt {
    /// Whether there are packages, and each could be fetched.
    #[track_caller]
    fn download(&self, packages: &[String]) -> bool {
        let arguments: Vec<_> = iter::once("download").chain(packages.iter().map(String::as_str)).collect();
        !packages.is_empty() && self.run("apt-get", &arguments).ok()
    }

    /// A package and those of its dependencies that the host lacks, as `NAME=VERSION`; none when the list of packages does not
    /// know it. apt-get only says what it would install: what it would remove for that stays.
    #[track_caller]
    fn with_dependencies(&self, package: &str) -> Vec<String> {
        let told = self.run("apt-get", &["install", "--simulate", "--no-install-recommends", package]);
        // `Inst NAME [INSTALLED VERSION] (VERSION ORIGIN [ARCHITECTURE])`
        let name_and_version = |line: &str| {
            let (name, rest) = line.strip_prefix("Inst ")?.split_once(' ')?;
            let (_, version) = rest.split_once('(')?;
            Some(format!("{name}={}", version.split(' ').next()?))
        };
        told.stdout.lines().filter_map(name_and_version).collect()
    }

    /// Runs a command of apt to its end, in the caller's environment: it may hold a proxy.
    #[track_caller]
    fn run(&self, program: &str, arguments: &[&str]) -> Outcome {
        let mut command = Command::new(program);
        // As root, apt would drop its privileges for the download, and then could not write here.
        command.env("LC_ALL", "C").args(["-qq", "-oAPT::Sandbox::User=root"]).current_dir(&self.folder);
        if self.architecture != Machine::host().debian {
            // The host's sources and keys, but lists of its own: the host's stay as they are, and nothing is installed.
            let state = self.folder.join("apt");
            fs::create_dir_all(&state)
                .and_then(|()| fs::write(state.join("status"), ""))
                .expect("apt's folder");
            for key in ["Architecture", "Architectures"] {
                command.arg(format!("-oAPT::{key}={}", self.architecture));
            }
            for (key, name) in [("State", ""), ("State::status", "status"), ("Cache", "cache")] {
                command.arg(format!("-oDir::{key}={}", state.join(name).display()));
            }
        }
        command.args(arguments);
        Running::spawn(command).wait(DOWNLOAD_PATIENCE)
    }
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
pub fn files(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.expect("an entry of a folder").path()).filter(|path| path.is_file())
}
