//! A guest: Debian's kernel 6.1 in QEMU, with pullscope, busybox and a script (`init.sh`) that does everything and then
//! tells what came out. It runs once, to its end; the tests look at what it told.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Deref;
use std::path::Path;
use std::sync::LazyLock;
use std::thread::panicking;
use std::time::Duration;

use pullscope_tests::collector::binary;
use pullscope_tests::place::Place;
use pullscope_tests::process::{Running, run};

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

/// What a guest told.
pub struct Guest {
    sections: BTreeMap<String, String>,
    /// What the kernel printed.
    console: String,
}

/// A kernel as Debian boots it.
pub fn ordinary() -> Shown {
    static GUEST: LazyLock<Guest> = LazyLock::new(|| Guest::run("scene=ordinary"));
    Shown(&GUEST)
}

/// A kernel that lets nobody look into it, root neither.
pub fn locked_down() -> Shown {
    static GUEST: LazyLock<Guest> = LazyLock::new(|| Guest::run("scene=lockdown lockdown=confidentiality"));
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
    /// Boots a guest with these words on its kernel's command line, and waits for its end.
    #[track_caller]
    fn run(words: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder for a guest");
        let path = |name: &str| folder.path().join(name);
        fs::write(path("initramfs"), files()).expect("write the guest's files");
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

/// The archive of the guest's files.
#[track_caller]
fn files() -> Vec<u8> {
    let mut files = Initramfs::default();
    let read = |path: &Path| fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
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
    files.file("/bin/pullscope", &read(&binary()));
    for library in libraries(&binary()) {
        files.file(&library, &read(Path::new(&library)));
    }
    files.finish()
}

/// The paths of the libraries that a program is started with, its interpreter among them.
#[track_caller]
fn libraries(program: &Path) -> Vec<String> {
    let mut list = Place::machine().command(INTERPRETER);
    list.arg("--list").arg(program);
    // `NAME => PATH (ADDRESS)`, or only the path, or only the name where the kernel brings the library.
    let path = |line: &str| line.split_whitespace().find(|word| word.starts_with('/')).map(str::to_owned);
    run(list).expect_ok().stdout.lines().filter_map(path).collect()
}
