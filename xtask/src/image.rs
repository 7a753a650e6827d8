//! `cargo xtask image`: the image that `deploy/image/Containerfile` describes, as a file to push or to load.
//!
//! The stage that compiles begins with a base image that has Cargo. Where none can be fetched, this machine's own files stand in
//! for it: the same steps run in a root that has nothing but them.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{
    architecture::Architecture,
    build::{Commit, commit},
    setup::toolchain::rustup_home,
    steps::{Live, Outcome, Steps},
    workspace::{Workspace, cargo_home, find_program},
};

/// Arguments of `cargo xtask image`.
#[derive(clap::Args)]
pub struct Args {
    /// Compile with what this machine has, without any base image; only root can
    #[arg(long)]
    local: bool,
    /// For nodes with this processor
    #[arg(long, value_enum, default_value_t = Architecture::HOST)]
    arch: Architecture,
}

const CONTAINERFILE: &str = "deploy/image/Containerfile";
/// In the target folder, the place of all that is made here.
const FOLDER: &str = "image";
/// What a node has to fetch before its first pod starts stays small.
const MOST_BYTES: u64 = 25 << 20;

/// The base image that is made of this machine.
const LOCAL_BASE: &str = "localhost/pullscope-build:local";
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Builds the image.
pub fn main(args: &Args) -> Result<()> {
    let workspace = Workspace::find()?;
    let mut steps = Steps::new(&workspace)?;
    steps.step("image", |live| build(&workspace, live, args.local, args.arch))
}

/// The archive that the image ends in.
pub fn archive(workspace: &Workspace, architecture: Architecture) -> PathBuf {
    workspace.target.join(FOLDER).join(format!("pullscope-{}.tar", architecture.of_images()))
}

/// Builds the image; `local` on a base image that is made of this machine.
pub fn build(workspace: &Workspace, live: &Live, local: bool, architecture: Architecture) -> Result<Outcome> {
    let buildah = Buildah::find(workspace, local)?;
    let name = format!("localhost/pullscope:{}", env!("CARGO_PKG_VERSION"));
    let mut build = buildah.command("build");
    build.args(["--layers=false", "--tag", &name, "--file", CONTAINERFILE]);
    build.arg(format!("--platform=linux/{}", architecture.of_images()));
    // Older buildahs (1.28) do not say so by themselves.
    build.arg(format!("--build-arg=BUILDPLATFORM=linux/{}", Architecture::HOST.of_images()));
    build.arg(format!("--build-arg=VERSION={}", env!("CARGO_PKG_VERSION")));
    if let Some(Commit { revision, time }) = commit(workspace) {
        build.arg(format!("--build-arg=REVISION={revision}"));
        // The same sources are the same image.
        build.arg(format!("--timestamp={time}"));
    }
    if local {
        build.args(local_base(&buildah, live)?);
    }
    live.run(build.arg("."))?;

    let archive = archive(workspace, architecture);
    if archive.exists() {
        fs::remove_file(&archive).with_context(|| format!("cannot remove {}", archive.display()))?;
    }
    let place = format!("oci-archive:{}:{name}", archive.display());
    live.run(buildah.command("push").args([&name, &place]))?;
    let unpacked = live.output(buildah.command("images").args(["--format", "{{.Size}}", &name]))?;
    let bytes = fs::metadata(&archive).with_context(|| format!("cannot read {}", archive.display()))?.len();
    ensure!(bytes <= MOST_BYTES, "the image has {bytes} bytes, more than {MOST_BYTES}");
    Ok(Outcome::Done(format!(
        "{} ({:.1} MiB; {} unpacked)",
        workspace.short(&archive),
        mebibytes(bytes),
        String::from_utf8_lossy(&unpacked).trim()
    )))
}

#[expect(clippy::cast_precision_loss, reason = "one digit is shown")]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// buildah with a storage of its own in the target folder: nothing is left on the machine.
struct Buildah<'a> {
    workspace: &'a Workspace,
    program: PathBuf,
    folder: PathBuf,
    /// Where layers are folders, without a file system that a machine may lack in a machine.
    plain: bool,
}

impl<'a> Buildah<'a> {
    fn find(workspace: &'a Workspace, plain: bool) -> Result<Self> {
        let Some(program) = find_program("buildah") else {
            bail!("buildah is missing, which builds the image; on Debian get it by `apt-get install buildah`")
        };
        let folder = workspace.target.join(FOLDER);
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(Self { workspace, program, folder, plain })
    }

    fn command(&self, subcommand: &str) -> Command {
        let mut command = self.workspace.command(&self.program);
        let storage = if self.plain { "storage-plain" } else { "storage" };
        command.arg("--root").arg(self.folder.join(storage));
        command.arg("--runroot").arg(self.folder.join(storage).join("run"));
        if self.plain {
            command.arg("--storage-driver=vfs");
        }
        command.arg(subcommand);
        command
    }
}

/// Makes the base image of this machine: no more than the links and folders that a root has. Gives the arguments of the build that
/// put the rest in their places, as they are here. What is written there goes with the build.
fn local_base(buildah: &Buildah<'_>, live: &Live) -> Result<Vec<String>> {
    let mut arguments = vec![
        format!("--build-arg=BUILD_IMAGE={LOCAL_BASE}"),
        // Whoever is root here needs no namespaces to be it there, and a machine in a machine may not have them.
        "--isolation=chroot".to_owned(),
    ];
    let mut volume = |from: &Path, to: &Path, how: &str| {
        if from.is_dir() {
            arguments.push(format!("--volume={}:{}:{how}", from.display(), to.display()));
        }
    };
    let work = tempfile::tempdir()?;
    let root = work.path().join("root");
    fs::create_dir_all(root.join("tmp"))?;
    for name in ["bin", "lib", "lib32", "lib64", "sbin"] {
        let path = Path::new("/").join(name);
        match fs::read_link(&path) {
            Ok(target) => symlink(target, root.join(name))?,
            Err(_) => volume(&path, &path, "ro"),
        }
    }
    for path in ["/usr", "/etc/alternatives", "/etc/ssl", "/var/lib/dpkg"].map(Path::new) {
        volume(path, path, "ro");
    }
    let mut environment = vec!["HOME=/".to_owned(), "CARGO_NET_OFFLINE=true".to_owned()];
    if let Some(home) = rustup_home() {
        volume(&home, &home, "ro");
        environment.push(format!("RUSTUP_HOME={}", home.display()));
    }
    if let Some(home) = cargo_home() {
        volume(&home, &home, "O");
        environment.push(format!("CARGO_HOME={home} PATH={home}/bin:{PATH}", home = home.display()));
    }
    // What is compiled already need not be again. Not the folder as a whole: what is written goes below `image`, and no overlay
    // may lie over itself.
    for entry in fs::read_dir(&buildah.workspace.target)?.flatten() {
        if entry.file_name() != FOLDER {
            volume(&entry.path(), &Path::new("/src/target").join(entry.file_name()), "O");
        }
    }

    let file = work.path().join("Containerfile");
    fs::write(&file, format!("FROM scratch\nCOPY . /\nENV {}\n", environment.join(" ")))?;
    let mut base = buildah.command("build");
    base.args(["--layers=false", "--tag", LOCAL_BASE, "--file"]).arg(&file).arg(&root);
    live.run(&mut base)?;
    Ok(arguments)
}
