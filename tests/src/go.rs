//! Go's toolchains, one of each minor version, and a small registry client (`go/puller.go`) built with each. There is a small
//! registry (`go/server.go`) too, a reverse proxy (`go/proxy.go`), a router and a manager of sandboxes (`go/sandboxes.go`), a client of gRPC services (`go/grpc.go`), and what runs in containers (`go/workload.go`).
//!
//! `cargo xtask setup` fetches the toolchains (as `cargo xtask test` does). They are kept with all that is built below `go` in
//! the target directory; what is there is used again by later runs. The tests of the crate `binary` use the same toolchains and
//! the same cache of Go's compiler.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg};

use crate::log::Log;
use crate::packages::PATH;
use crate::place::Place;
use crate::process::Running;

/// One release of each minor version.
pub const TOOLCHAINS: [&str; 7] = include!("../go/toolchains.rs");

/// A build of Go's standard library on a busy machine.
const LONGEST_STEP: Duration = Duration::from_secs(600);

/// A file of a program: its name, the first minor version of Go that takes it, and its text.
type Source = (&'static str, u32, &'static str);

/// The client's files.
const PULLER: [Source; 2] =
    [("puller.go", 0, include_str!("../go/puller.go")), ("h2c.go", 24, include_str!("../go/h2c.go"))];

/// The server's.
const SERVER: [Source; 1] = [("server.go", 0, include_str!("../go/server.go"))];

/// The reverse proxy.
const PROXY: [Source; 1] = [("proxy.go", 0, include_str!("../go/proxy.go"))];

/// The router and the manager of sandboxes.
const SANDBOXES: [Source; 1] = [("sandboxes.go", 0, include_str!("../go/sandboxes.go"))];

/// The client of gRPC services.
const GRPC: [Source; 1] = [("grpc.go", 0, include_str!("../go/grpc.go"))];

/// What runs in containers.
const WORKLOAD: [Source; 1] = [("workload.go", 0, include_str!("../go/workload.go"))];

/// Where Debian puts the sources of Go libraries, as a tree for `GOPATH`.
const DEBIAN_LIBRARIES: &str = "/usr/share/gocode";

/// How a program is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Variant {
    /// At a fixed address, without any library.
    Static,
    /// The same for another processor, as Go calls it (`GOARCH`).
    StaticFor(&'static str),
    /// A position-independent executable.
    Pie,
    /// At a fixed address, with its symbols: to compare with.
    Symbols,
}

impl Variant {
    /// Those without symbols and debugging information.
    pub const ALL: [Self; 2] = [Self::Static, Self::Pie];

    fn name(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::StaticFor(processor) => processor,
            Self::Pie => "pie",
            Self::Symbols => "symbols",
        }
    }
}

/// The client built with a toolchain of [`TOOLCHAINS`], built now if it is not there. It stands under a name that no one
/// watches: see [`installed_as`].
#[track_caller]
pub fn puller(version: &str, variant: Variant) -> PathBuf {
    built("puller", &PULLER, version, variant)
}

/// A small registry over TLS (`go/server.go`), for where no other server is.
#[track_caller]
pub fn server(version: &str, variant: Variant) -> PathBuf {
    built("server", &SERVER, version, variant)
}

/// A reverse proxy (`go/proxy.go`).
#[track_caller]
pub fn proxy() -> PathBuf {
    built("proxy", &PROXY, newest(), Variant::Static)
}

/// A router or a manager of sandboxes (`go/sandboxes.go`).
#[track_caller]
pub fn sandboxes() -> PathBuf {
    built("sandboxes", &SANDBOXES, newest(), Variant::Static)
}

/// A client of gRPC services (`go/grpc.go`), with the library that the kubelet has: see [`crate::cri`]. It is Debian's package
/// golang-google-grpc-dev.
#[track_caller]
pub fn grpc_client() -> PathBuf {
    let library = Path::new(DEBIAN_LIBRARIES).join("src/google.golang.org/grpc");
    assert!(library.is_dir(), "grpc-go is missing: install the Debian package golang-google-grpc-dev");
    built("grpc", &GRPC, newest(), Variant::Static)
}

/// A program for containers (`go/workload.go`).
#[track_caller]
pub fn workload() -> PathBuf {
    built("workload", &WORKLOAD, newest(), Variant::Static)
}

fn newest() -> &'static str {
    TOOLCHAINS[TOOLCHAINS.len() - 1]
}

#[track_caller]
fn built(name: &str, sources: &[Source], version: &str, variant: Variant) -> PathBuf {
    let folder = folder();
    let mut hash = DefaultHasher::new();
    sources.hash(&mut hash);
    let built = folder.join(format!("{name}-{version}-{}-{:016x}", variant.name(), hash.finish()));
    fs::create_dir_all(&folder).expect("create the directory of Go programs");
    // One at a time, by this and other test programs.
    let lock = File::create(folder.join("lock")).expect("create the lock of Go programs");
    let _lock = Flock::lock(lock, FlockArg::LockExclusive).map_err(|(_, error)| error).expect("lock");
    if !built.exists() {
        let work = tempfile::tempdir_in(&folder).expect("a directory for a build");
        let made = work.path().join(name);
        let mut go = go(&toolchain(&folder, version), &folder);
        if sources == GRPC {
            // Its library is Debian's, which comes as a tree and not as modules.
            go.env("GOPATH", DEBIAN_LIBRARIES).env("GO111MODULE", "off");
        }
        go.args(["build", "-trimpath"]).arg("-o").arg(&made);
        match variant {
            Variant::Static => go.arg("-ldflags=-s -w"),
            Variant::StaticFor(processor) => go.arg("-ldflags=-s -w").env("GOARCH", processor),
            Variant::Pie => go.args(["-ldflags=-s -w", "-buildmode=pie"]),
            Variant::Symbols => &mut go,
        };
        for (name, _, text) in sources.iter().filter(|(_, since, _)| minor(version) >= *since) {
            fs::write(work.path().join(name), text).expect("write a Go program");
            go.arg(name);
        }
        go.current_dir(work.path());
        let _ = Running::spawn(go).wait(LONGEST_STEP).expect_ok();
        fs::rename(made, &built).expect("keep a Go program");
    }
    built
}

/// Whether the client speaks HTTP/2 in the clear when it is built with this toolchain.
pub fn has_http2_in_the_clear(version: &str) -> bool {
    minor(version) >= 24
}

/// The minor version of a Go release such as 1.21.13.
#[track_caller]
fn minor(version: &str) -> u32 {
    version.split('.').nth(1).and_then(|minor| minor.parse().ok()).expect("a release of Go")
}

/// A copy of `program` as `name` in `folder`. The name is what a target is told by, the copy a file of its own.
#[track_caller]
pub fn installed_as(program: &Path, folder: &Path, name: &str) -> PathBuf {
    let copy = folder.join(name);
    fs::copy(program, &copy).expect("copy a Go program");
    copy
}

/// What the client speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/2 over TLS, where the server has it.
    #[default]
    Http2,
    /// HTTP/1.1.
    Http1,
    /// HTTP/2 in the clear, from the first byte: see [`has_http2_in_the_clear`].
    Http2InTheClear,
}

/// What the client is to do: see `go/puller.go`.
#[derive(Clone, Debug, Default)]
pub struct Pull<'a> {
    /// Base URL of the registry.
    pub registry: String,
    /// File with the authority's certificate.
    pub authority: Option<PathBuf>,
    /// Repository and tag.
    pub name: &'a str,
    /// Blobs at a time; 0 is 1.
    pub parallel: u32,
    /// What it speaks.
    pub protocol: Protocol,
    /// Pulls in all; 0 is 1.
    pub repeat: u32,
    /// The file that lets it go on: before each pull but the first, and before it ends.
    pub gate: Option<&'a Path>,
    /// Whether it waits for the gate before the first pull too.
    pub early: bool,
    /// Whether it waits for the gate also with the last blobs of the first pull in flight.
    pub hold: bool,
    /// How many bytes of each of those blobs it reads before.
    pub begin: u64,
}

impl Pull<'_> {
    /// The command, for a copy of the client.
    #[track_caller]
    pub fn command(&self, place: &Place, client: &Path) -> Command {
        let (repository, tag) = self.name.rsplit_once(':').expect("a name with a tag");
        let mut command = place.command(client);
        command.args(["-registry", &self.registry, "-repository", repository, "-tag", tag]);
        command.arg(format!("-parallel={}", self.parallel.max(1)));
        command.arg(format!("-repeat={}", self.repeat.max(1)));
        command.arg(format!("-begin={}", self.begin));
        let switches = [
            ("h1", self.protocol == Protocol::Http1),
            ("h2c", self.protocol == Protocol::Http2InTheClear),
            ("early", self.early),
            ("hold", self.hold),
        ];
        command.args(switches.map(|(name, value)| format!("-{name}={value}")));
        for (flag, file) in [("-ca", self.authority.as_deref()), ("-gate", self.gate)] {
            command.args(file.map(|file| [OsString::from(flag), file.into()]).into_iter().flatten());
        }
        command
    }
}

/// What the client says that it has done, in each of its pulls, in the order in which exchanges ended.
#[track_caller]
pub fn pulls(output: &str) -> Vec<Log> {
    // Each pull begins with a line of its own, and each wait is told.
    let lines = output.replace("waiting\n", "");
    let mut pulls: Vec<_> = lines.split_inclusive('\n').collect();
    pulls
        .chunk_by_mut(|_, next| !next.starts_with("pull "))
        .map(|pull| {
            let exchanges = pull.iter().filter(|line| !line.starts_with("pull "));
            Log::told_by_client(&exchanges.copied().collect::<String>())
        })
        .collect()
}

/// Where all of it is kept: below the target directory, where `cargo clean` finds it.
fn folder() -> PathBuf {
    let program = env::current_exe().expect("the path of the test program");
    let profile = program.ancestors().find(|dir| dir.ends_with("deps")).and_then(Path::parent);
    profile.and_then(Path::parent).map_or_else(env::temp_dir, Path::to_owned).join("go")
}

/// The root of a toolchain.
#[track_caller]
fn toolchain(folder: &Path, version: &str) -> PathBuf {
    let root = folder.join("toolchains").join(version).join("go");
    assert!(root.is_dir(), "Go {version} is missing: fetch it by `cargo xtask setup`");
    root
}

/// A Go command that reaches for nothing outside of `folder`, the network neither.
fn go(root: &Path, folder: &Path) -> Command {
    let mut command = Command::new(root.join("bin/go"));
    command.env_clear().env("PATH", PATH).env("HOME", folder.join("home"));
    command.env("GOCACHE", folder.join("cache")).env("GOPATH", folder.join("path"));
    let settings = [("GOTOOLCHAIN", "local"), ("GOPROXY", "off"), ("GOENV", "off"), ("CGO_ENABLED", "0")];
    command.envs(settings);
    command
}
