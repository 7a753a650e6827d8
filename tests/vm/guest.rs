//! A guest: Debian's kernel 6.1 in QEMU, with pullscope, busybox and a script (`init.sh`) that does everything and then
//! tells what came out. It runs once, to its end; the tests look at what it told.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::net::Ipv4Addr;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::thread::panicking;
use std::time::Duration;

use pullscope_tests::collector::{binary, clients};
use pullscope_tests::go;
use pullscope_tests::packages::installed;
use pullscope_tests::place::Place;
use pullscope_tests::process::{Running, run};
use pullscope_tests::tls::Authority;

use crate::debian;
use crate::initramfs::Initramfs;
use crate::machine::Machine;

/// A guest takes some 5 seconds; a busy host has other things to do, and a guest that hangs must end.
const PATIENCE: Duration = Duration::from_secs(180);

const INIT: &[u8] = include_bytes!("init.sh");
const TOOLS: &[u8] = include_bytes!("tools.sh");
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
        with_program(&mut files, "perl", "perl-base");
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
        for (name, package) in [("redis-server", "redis-server"), ("redis-benchmark", "redis-tools")] {
            with_program(&mut files, name, package);
        }
        files.file("/redis.toml", REDIS);
        Guest::run("scene=redis", files)
    });
    Shown(&GUEST)
}

/// A guest that a test looks at: printed when the test fails.
pub struct Shown(pub &'static Guest);

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
    pub fn run(words: &str, files: Initramfs) -> Self {
        let folder = tempfile::tempdir().expect("a folder for a guest");
        let path = |name: &str| folder.path().join(name);
        fs::write(path("initramfs"), files.finish()).expect("write the guest's files");
        let machine = Machine::of_guests();
        let mut qemu = debian::qemu();
        qemu.args(machine.options);
        // Emulated, since KVM is not on every host; without devices, since nothing but the two serial ports is used.
        qemu.args(["-accel", "tcg", "-smp", "2", "-m", "512", "-nodefaults", "-display", "none"]);
        qemu.arg("-serial").arg(format!("file:{}", path("console").display()));
        qemu.arg("-chardev").arg(format!("file,id=told,path={}", path("told").display()));
        qemu.arg("-device").arg(format!("{},chardev=told", machine.second_port));
        qemu.arg("-kernel").arg(debian::kernel()).arg("-initrd").arg(path("initramfs"));
        // A panic restarts the machine (`panic=-1`), and a restart ends it.
        let (console, port) = machine.ports;
        qemu.arg("-append")
            .arg(format!("console={console} port={port} quiet panic=-1 {words}"))
            .arg("-no-reboot");
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
pub fn files() -> Initramfs {
    let mut files = Initramfs::default();
    for folder in ["/proc", "/sys", "/dev"] {
        files.folder(folder);
    }
    files.shared_folder("/tmp");
    files.file("/init", INIT);
    files.file("/tools.sh", TOOLS);
    files.file("/etc/passwd", USERS);
    files.file("/etc/group", GROUPS);
    files.file("/pullscope.toml", CONFIG);
    files.file("/bin/busybox", &read(&debian::busybox()));
    for name in ["sh", "wget", "httpd"] {
        files.link(&format!("/bin/{name}"), "busybox");
    }
    // Libraries are where the host has them: with Debian's merged folders, `/lib` is a link to `/usr/lib`.
    // Those of another machine are put there too.
    let is_hosts = Machine::of_guests().is_hosts();
    for folder in ["/lib", "/lib64"] {
        if !is_hosts {
            files.link(folder, &format!("usr{folder}"));
        } else if let Ok(target) = fs::read_link(folder) {
            files.link(folder, target.to_str().expect("a plain name"));
        }
    }
    if is_hosts {
        with_libraries(&mut files, "/bin/pullscope", &binary());
    } else {
        // What `cargo xtask build` builds is static.
        files.file("/bin/pullscope", &read(&binary()));
    }
    files
}

/// What the scene `tls` needs more. The Go programs are static; curl is Debian's, with its libraries.
#[track_caller]
pub fn tls(files: &mut Initramfs) {
    let (toolchain, variant) = Machine::of_guests().go();
    files.file("/bin/puller", &read(&go::puller(toolchain, variant)));
    files.file("/bin/server", &read(&go::server(toolchain, variant)));
    with_program(files, "curl", "curl");
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

/// Adds a program of Debian: the host's, or where the guest is another machine the package's, each with its libraries.
#[track_caller]
fn with_program(files: &mut Initramfs, name: &str, package: &str) {
    let machine = Machine::of_guests();
    if machine.is_hosts() {
        let program = installed(name).unwrap_or_else(|| panic!("{name} is missing: install {package}"));
        return with_libraries(files, &format!("/bin/{name}"), &program);
    }
    let tree = debian::tree(package);
    files.file(&format!("/bin/{name}"), &read(&tree.join("usr/bin").join(name)));
    // All that the packages have, since none of them can be asked here which it needs.
    let folder = format!("lib/{}-linux-gnu", machine.name);
    let libraries =
        ["", "usr"].map(|above| debian::files(&tree.join(above).join(&folder)).collect::<Vec<_>>());
    let interpreter = tree.join(machine.interpreter.trim_start_matches('/'));
    files.file(&format!("/usr{}", machine.interpreter), &read(&interpreter));
    for library in libraries.into_iter().flatten() {
        let name = library.file_name().and_then(OsStr::to_str).expect("a plain name");
        let path = format!("/usr/{folder}/{name}");
        // Two programs may have it in common.
        match fs::read_link(&library) {
            _ if files.has(&path) => {}
            Ok(target) => files.link(&path, target.to_str().expect("a plain name")),
            Err(_) => files.file(&path, &read(&library)),
        }
    }
}

/// Adds a program of the host, and the libraries that it is started with.
#[track_caller]
pub fn with_libraries(files: &mut Initramfs, name: &str, program: &Path) {
    files.file(name, &read(program));
    for library in libraries(program) {
        let folder = library.parent().expect("the path of a file").canonicalize().expect("a folder");
        let path = folder.join(library.file_name().expect("the path of a file"));
        let name = path.to_str().expect("a plain name");
        if !files.has(name) {
            files.file(name, &read(&path));
        }
    }
}

/// The content of a file of the host.
#[track_caller]
pub fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The paths of the libraries that a program is started with, its interpreter among them; none for a static one.
#[track_caller]
fn libraries(program: &Path) -> Vec<PathBuf> {
    let ask = |question: &str| {
        let mut command = Place::machine().command(Machine::host().interpreter);
        command.arg(question).arg(program);
        run(command)
    };
    // 1: without libraries; 2: with some, or moved to its address by itself, but nobody is named who would start it
    // (glibc, elf/rtld.c, `rtld_mode_verify`).
    if [Some(1), Some(2)].contains(&ask("--verify").code) {
        return Vec::new();
    }
    // `NAME => PATH (ADDRESS)`, or only the path, or only the name where the kernel brings the library.
    let path = |line: &str| line.split_whitespace().find(|word| word.starts_with('/')).map(PathBuf::from);
    ask("--list").expect_ok().stdout.lines().filter_map(path).collect()
}
