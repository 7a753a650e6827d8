//! A guest: Debian's kernel 6.1 in QEMU, with pullscope, busybox and a script (`init.sh`) that does everything and then
//! tells what came out. It runs once, to its end; the tests look at what it told.

use std::collections::BTreeMap;
use std::fs;
use std::net::Ipv4Addr;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::thread::panicking;
use std::time::Duration;

use pullscope_tests::collector::{binary, clients};
use pullscope_tests::go::{self, TOOLCHAINS, Variant};
use pullscope_tests::packages::{installed, program};
use pullscope_tests::place::Place;
use pullscope_tests::process::{Running, run};
use pullscope_tests::tls::Authority;

use crate::debian;
use crate::initramfs::Initramfs;

/// A guest takes some 5 seconds; a busy host has other things to do, and a guest that hangs must end.
const PATIENCE: Duration = Duration::from_secs(180);

/// Finds the libraries of a program for this architecture, as the kernel would start it (System V ABI, AMD64 supplement).
const INTERPRETER: &str = "/lib64/ld-linux-x86-64.so.2";

const INIT: &[u8] = include_bytes!("init.sh");
const USERS: &[u8] = b"root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n";
const GROUPS: &[u8] = b"root:x:0:\nnogroup:x:65534:\n";
const CONFIG: &[u8] = b"
[[targets]]
name = \"puller\"
comm = \"wget\"
role = \"client\"

[[targets]]
name = \"server\"
comm = \"httpd\"
role = \"server\"
";

/// Of the scene `redis`. Each thread of the client has one connection, so that it asks for its next value when it has the last
/// one, and its end is the end of its last item.
const REDIS: &[u8] = b"
default_targets = false

[[recipe]]
name = \"benchmark\"
comm = \"redis-benchmark\"

[[recipe.operation]]
operation = \"set\"
during = { redis = \"SET **\" }

[[recipe.work]]
queue = \"values\"
begin = { reply = \"GET **\" }
end = [{ command = \"GET **\" }]
";

/// Targets of the scene `tls`: names of the Go client, and of curl.
pub const GO_CLIENTS: [&str; 2] = ["puller-h1", "puller-h2"];
pub const CURLS: [&str; 2] = ["curl-h1", "curl-h2"];

/// Targets of the scene `processes`: names of Perl.
pub const PERLS: [&str; 2] = ["peer-server", "peer-client"];

/// What a guest told.
pub struct Guest {
    sections: BTreeMap<String, String>,
    /// What the kernel printed.
    console: String,
}

/// A kernel as Debian boots it.
pub fn ordinary() -> Shown {
    static GUEST: LazyLock<Guest> = LazyLock::new(|| Guest::run("scene=ordinary", files()));
    Shown(&GUEST)
}

/// A kernel that lets nobody look into it, root neither.
pub fn locked_down() -> Shown {
    static GUEST: LazyLock<Guest> =
        LazyLock::new(|| Guest::run("scene=lockdown lockdown=confidentiality", files()));
    Shown(&GUEST)
}

/// A kernel as Debian boots it, with clients and a server that speak TLS.
pub fn with_tls() -> Shown {
    static GUEST: LazyLock<Guest> = LazyLock::new(|| {
        let mut files = files();
        tls(&mut files);
        Guest::run("scene=tls", files)
    });
    Shown(&GUEST)
}

/// A kernel as Debian boots it, with programs that end in several ways.
pub fn with_processes() -> Shown {
    static GUEST: LazyLock<Guest> = LazyLock::new(|| {
        let mut files = files();
        // Debian is never without it (perl-base).
        with_libraries(&mut files, "/bin/perl", &installed("perl").expect("Debian's perl"));
        for name in PERLS {
            files.link(&format!("/bin/{name}"), "perl");
        }
        let targets = clients(PERLS);
        files.file("/processes.toml", format!("default_targets = false\n{targets}").as_bytes());
        Guest::run("scene=processes", files)
    });
    Shown(&GUEST)
}

/// A kernel as Debian boots it, with a Redis server and its clients.
pub fn with_redis() -> Shown {
    static GUEST: LazyLock<Guest> = LazyLock::new(|| {
        let mut files = files();
        for name in ["redis-server", "redis-benchmark"] {
            with_libraries(&mut files, &format!("/bin/{name}"), &program(name));
        }
        files.file("/redis.toml", REDIS);
        Guest::run("scene=redis", files)
    });
    Shown(&GUEST)
}

/// A guest that a test looks at: printed when the test fails.
pub struct Shown(&'static Guest);

impl Deref for Shown {
    type Target = Guest;

    fn deref(&self) -> &Guest {
        self.0
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if panicking() {
            eprintln!("--- the guest's console\n{}", self.console);
            // The metrics are long, and the assertion has shown what of them is not 0.
            for (name, text) in self.sections.iter().filter(|(name, _)| *name != "metrics") {
                eprintln!("--- {name}\n{text}");
            }
        }
    }
}

impl Guest {
    /// Boots a guest with these words on its kernel's command line and these files, and waits for its end.
    #[track_caller]
    fn run(words: &str, files: Initramfs) -> Self {
        let folder = tempfile::tempdir().expect("a folder for a guest");
        let path = |name: &str| folder.path().join(name);
        fs::write(path("initramfs"), files.finish()).expect("write the guest's files");
        let mut qemu = debian::qemu();
        // Emulated, since KVM is not on every host; without devices, since nothing but the two serial ports is used.
        qemu.args(["-accel", "tcg", "-smp", "2", "-m", "512", "-nodefaults", "-display", "none"]);
        for port in ["console", "told"] {
            qemu.arg("-serial").arg(format!("file:{}", path(port).display()));
        }
        qemu.arg("-kernel").arg(debian::kernel()).arg("-initrd").arg(path("initramfs"));
        // A panic restarts the machine (`panic=-1`), and a restart ends it.
        qemu.arg("-append").arg(format!("console=ttyS0 quiet panic=-1 {words}")).arg("-no-reboot");
        let outcome = Running::spawn(qemu).wait(PATIENCE);
        let read = |name| String::from_utf8_lossy(&fs::read(path(name)).unwrap_or_default()).into_owned();
        let (console, told) = (read("console"), read("told"));
        match sections(&told) {
            Ok(sections) if outcome.ok() => Self { sections, console },
            failed => {
                let reason = failed.err().unwrap_or_default();
                panic!("the guest failed. {reason}\n{outcome:#?}\n--- console\n{console}\n--- told\n{told}")
            }
        }
    }

    /// The release of its kernel.
    pub fn release(&self) -> &str {
        self.told("release").trim()
    }

    /// What it told under a name.
    #[track_caller]
    pub fn told(&self, name: &str) -> &str {
        self.sections.get(name).unwrap_or_else(|| panic!("the guest told nothing of {name:?}"))
    }

    /// Everything that it told under names that begin so, but exit statuses.
    pub fn all_told<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        let wanted = move |name: &str| name.starts_with(prefix) && !name.ends_with(" status");
        self.sections.iter().filter(move |(name, _)| wanted(name)).map(|(_, text)| text.as_str())
    }

    /// The exit status that a command had.
    #[track_caller]
    pub fn status(&self, name: &str) -> u8 {
        let status = self.told(&format!("{name} status"));
        status.trim().parse().unwrap_or_else(|_| panic!("{status:?} is no exit status"))
    }
}

/// The sections of what a guest told, by name; an error when it did not come to its end.
fn sections(told: &str) -> Result<BTreeMap<String, String>, String> {
    let mut sections = BTreeMap::new();
    let mut rest = told;
    while let Some(begun) = rest.strip_prefix("--- begin ") {
        let (name, text) = begun.split_once('\n').ok_or("a section without a text")?;
        let (text, after) =
            text.split_once(&format!("\n--- end {name}\n")).ok_or_else(|| format!("{name:?} has no end"))?;
        if sections.insert(name.to_owned(), text.to_owned()).is_some() {
            return Err(format!("{name:?} was told twice"));
        }
        rest = after;
    }
    if rest == "--- all told\n" { Ok(sections) } else { Err(format!("no section begins here: {rest:?}")) }
}

/// The files of every guest.
#[track_caller]
fn files() -> Initramfs {
    let mut files = Initramfs::default();
    for folder in ["/proc", "/sys", "/dev"] {
        files.folder(folder);
    }
    files.shared_folder("/tmp");
    files.file("/init", INIT);
    files.file("/etc/passwd", USERS);
    files.file("/etc/group", GROUPS);
    files.file("/pullscope.toml", CONFIG);
    files.file("/bin/busybox", &read(&debian::busybox()));
    for name in ["sh", "wget", "httpd"] {
        files.link(&format!("/bin/{name}"), "busybox");
    }
    // Libraries are where the host has them: with Debian's merged folders, `/lib` is a link to `/usr/lib`.
    for folder in ["/lib", "/lib64"] {
        if let Ok(target) = fs::read_link(folder) {
            files.link(folder, target.to_str().expect("a plain name"));
        }
    }
    with_libraries(&mut files, "/bin/pullscope", &binary());
    files
}

/// What the scene `tls` needs more. The Go programs are static; curl is Debian's, with its libraries.
#[track_caller]
fn tls(files: &mut Initramfs) {
    let go = TOOLCHAINS[TOOLCHAINS.len() - 1];
    files.file("/bin/puller", &read(&go::puller(go, Variant::Static)));
    files.file("/bin/server", &read(&go::server(go)));
    with_libraries(files, "/bin/curl", &program("curl"));
    let names = [("puller", "bystander"), ("puller", GO_CLIENTS[0]), ("puller", GO_CLIENTS[1])];
    for (program, name) in names.into_iter().chain(CURLS.map(|name| ("curl", name))) {
        files.link(&format!("/bin/{name}"), program);
    }
    let targets = clients(GO_CLIENTS.into_iter().chain(CURLS));
    files.file("/tls.toml", format!("default_targets = false\n{targets}").as_bytes());
    let authority = Authority::new();
    let certificate = authority.certificate([Ipv4Addr::LOCALHOST]);
    for (name, file) in [("ca", authority.file()), ("chain", certificate.chain), ("key", certificate.key)] {
        files.file(&format!("/tls/{name}.pem"), &read(&file));
    }
}

/// Adds a program of the host, and the libraries that it is started with.
#[track_caller]
fn with_libraries(files: &mut Initramfs, name: &str, program: &Path) {
    files.file(name, &read(program));
    for library in libraries(program) {
        let folder = library.parent().expect("the path of a file").canonicalize().expect("a folder");
        let path = folder.join(library.file_name().expect("the path of a file"));
        files.file(path.to_str().expect("a plain name"), &read(&path));
    }
}

#[track_caller]
fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The paths of the libraries that a program is started with, its interpreter among them.
#[track_caller]
fn libraries(program: &Path) -> Vec<PathBuf> {
    let mut list = Place::machine().command(INTERPRETER);
    list.arg("--list").arg(program);
    // `NAME => PATH (ADDRESS)`, or only the path, or only the name where the kernel brings the library.
    let path = |line: &str| line.split_whitespace().find(|word| word.starts_with('/')).map(PathBuf::from);
    run(list).expect_ok().stdout.lines().filter_map(path).collect()
}
