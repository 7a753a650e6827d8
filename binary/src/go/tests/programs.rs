//! A small program, built with every toolchain that there is.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::{env, fs};

use super::Version;
use crate::Machine;

/// What the program is: an HTTP client and an HTTP server, so that nothing that is looked for is left out by the linker.
const SOURCE: &str = r#"package main

import (
	"io"
	"net/http"
	"os"
)

func main() {
	if len(os.Args) > 2 {
		http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") })
		panic(http.ListenAndServeTLS(os.Args[1], os.Args[2], os.Args[3], nil))
	}
	response, err := http.Get(os.Args[1])
	if err != nil {
		panic(err)
	}
	io.Copy(os.Stdout, response.Body)
}
"#;

const MODULE: &str = "module hello\n\ngo 1.18\n";

/// How a program is linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    Static,
    Stripped,
    Pie,
    StrippedPie,
    /// By the linker of the C compiler, with the C code of `runtime/cgo`. Slow to build: by three toolchains only.
    External,
    ExternalPie,
}

impl Variant {
    fn arguments(self) -> &'static [&'static str] {
        match self {
            // With DWARF that can be read without more ado.
            Self::Static => &["-ldflags=-compressdwarf=false"],
            Self::Stripped => &["-ldflags=-s -w"],
            Self::Pie => &["-buildmode=pie"],
            Self::StrippedPie => &["-buildmode=pie", "-ldflags=-s -w"],
            Self::External => &["-ldflags=-linkmode=external"],
            Self::ExternalPie => &["-buildmode=pie", "-ldflags=-linkmode=external"],
        }
    }

    fn needs_c(self) -> bool {
        matches!(self, Self::External | Self::ExternalPie)
    }

    /// What it is built for: for another machine than this only what takes no second standard library and no C compiler.
    fn machines(self) -> &'static [Machine] {
        match self {
            Self::Static | Self::Stripped => &[Machine::X86_64, Machine::Aarch64],
            _ => &[Machine::X86_64],
        }
    }
}

/// A program.
pub struct Built {
    pub path: PathBuf,
    pub machine: Machine,
    pub version: Version,
    pub variant: Variant,
    /// The toolchain that made it, and the folder of what is built.
    root: PathBuf,
    folder: PathBuf,
}

impl Built {
    /// The instructions of functions, as Go's own disassembler has them: address and text.
    pub fn instructions(&self, functions: &str) -> Vec<(u64, String)> {
        let mut objdump = go(&self.root, &self.folder);
        let output = objdump.args(["tool", "objdump", "-s", functions]).arg(&self.path).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        // `  FILE:LINE  0xADDRESS  BYTES  TEXT`
        let instruction = |line: &str| {
            let mut words = line.split_whitespace().skip(1);
            let address = u64::from_str_radix(words.next()?.strip_prefix("0x")?, 16).ok()?;
            Some((address, words.skip(1).collect::<Vec<_>>().join(" ")))
        };
        text.lines().filter_map(instruction).collect()
    }
}

/// The programs of every toolchain in these variants, built now if they are not there.
pub fn built(variants: &[Variant]) -> Vec<Built> {
    // One build at a time: they share a cache.
    static BUILDING: Mutex<()> = Mutex::new(());
    let _one = BUILDING.lock();
    let folder = folder();
    let toolchains = toolchains(&folder);
    if toolchains.is_empty() {
        eprintln!("NOTHING IS TESTED HERE: there is no Go toolchain; `cargo xtask setup` fetches them");
    }
    let work = folder.join("binary");
    fs::create_dir_all(&work).unwrap();
    let mut programs = Vec::new();
    for (index, (root, version)) in toolchains.iter().enumerate() {
        // The oldest, the newest, and one in between.
        let is_chosen = [0, toolchains.len() / 2, toolchains.len() - 1].contains(&index);
        let combinations =
            variants.iter().flat_map(|variant| variant.machines().iter().map(move |m| (*variant, *m)));
        for (variant, machine) in combinations {
            if (variant.needs_c() || machine != Machine::X86_64) && !is_chosen {
                continue;
            }
            if variant.needs_c() && Command::new("gcc").arg("--version").output().is_err() {
                eprintln!("NOT TESTED HERE: {variant:?}, there is no C compiler");
                continue;
            }
            let mut hash = DefaultHasher::new();
            (SOURCE, MODULE, variant.arguments()).hash(&mut hash);
            let path = work.join(format!("{version}-{machine:?}-{variant:?}-{:016x}", hash.finish()));
            let (root, folder) = (root.clone(), folder.clone());
            let program = Built { path, machine, version: *version, variant, root, folder };
            if !program.path.exists() {
                build(&program, &work);
            }
            programs.push(program);
        }
    }
    programs
}

fn build(program: &Built, work: &Path) {
    let variant = program.variant;
    // A folder of its own: other runs of the tests may build at the same time.
    let source = tempfile::tempdir_in(work).unwrap();
    fs::write(source.path().join("main.go"), SOURCE).unwrap();
    fs::write(source.path().join("go.mod"), MODULE).unwrap();
    let made = source.path().join("made");
    let mut go = go(&program.root, &program.folder);
    // As `tests/src/go.rs` builds: so both take the standard library from one cache.
    go.args(["build", "-trimpath"]).args(variant.arguments()).arg("-o").arg(&made).arg(".");
    go.current_dir(source.path()).env("CGO_ENABLED", if variant.needs_c() { "1" } else { "0" });
    if program.machine == Machine::Aarch64 {
        go.env("GOARCH", "arm64");
    }
    let output = go.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::rename(made, &program.path).unwrap();
}

/// A toolchain's command, with everything that it keeps below `folder`.
fn go(root: &Path, folder: &Path) -> Command {
    let mut go = Command::new(root.join("bin/go"));
    go.env_clear().env("PATH", env::var_os("PATH").unwrap_or_default());
    go.env("HOME", folder.join("home")).env("GOROOT", root);
    go.env("GOCACHE", folder.join("cache")).env("GOPATH", folder.join("path"));
    go.env("GOTOOLCHAIN", "local").env("GOPROXY", "off").env("GOENV", "off");
    go
}

/// Where programs and toolchains are kept: below the target directory, as the end-to-end tests do it.
fn folder() -> PathBuf {
    let program = env::current_exe().unwrap();
    let profile = program.ancestors().find(|dir| dir.ends_with("deps")).and_then(Path::parent);
    profile.and_then(Path::parent).unwrap().join("go")
}

/// The roots of the toolchains, with their releases, from the oldest on.
fn toolchains(folder: &Path) -> Vec<(PathBuf, Version)> {
    let roots: Vec<_> = if let Some(named) = env::var_os("PULLSCOPE_GO") {
        env::split_paths(&named).filter(|root| !root.as_os_str().is_empty()).collect()
    } else {
        let fetched = fs::read_dir(folder.join("toolchains")).into_iter().flatten().flatten();
        fetched.map(|entry| entry.path().join("go")).collect()
    };
    let mut toolchains: Vec<_> = roots
        .into_iter()
        .map(|root| {
            let mut go = Command::new(root.join("bin/go"));
            let output = go.env("GOROOT", &root).env("GOTOOLCHAIN", "local").arg("version").output();
            let output = output.unwrap_or_else(|error| panic!("{} is no toolchain: {error}", root.display()));
            let text = String::from_utf8(output.stdout).unwrap();
            let version = Version::parse(text.split(' ').nth(2).unwrap_or_default()).unwrap();
            (root, version)
        })
        .collect();
    toolchains.sort_unstable_by_key(|(_, version)| *version);
    toolchains.dedup_by_key(|(_, version)| *version);
    toolchains
}
