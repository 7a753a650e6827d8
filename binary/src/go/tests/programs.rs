//! A small program, built with every toolchain that there is.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::{env, fs};

use super::Version;

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

/// How a program is linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    Static,
    Stripped,
    Pie,
    StrippedPie,
    /// By the linker of the C compiler.
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
}

/// A program.
pub struct Built {
    pub path: PathBuf,
    pub version: Version,
    pub variant: Variant,
}

/// The programs of every toolchain in these variants, built now if they are not there.
pub fn built(variants: &[Variant]) -> Vec<Built> {
    // One build at a time: they share a cache.
    static BUILDING: Mutex<()> = Mutex::new(());
    let _one = BUILDING.lock();
    let folder = folder();
    let toolchains = toolchains(&folder);
    if toolchains.is_empty() {
        eprintln!("NOTHING IS TESTED HERE: there is no Go toolchain; name their roots in PULLSCOPE_GO");
    }
    let work = folder.join("binary");
    fs::create_dir_all(&work).unwrap();
    fs::write(work.join("main.go"), SOURCE).unwrap();
    fs::write(work.join("go.mod"), "module hello\n\ngo 1.18\n").unwrap();
    let mut programs = Vec::new();
    for (root, version) in &toolchains {
        for &variant in variants {
            if variant.needs_c() && Command::new("gcc").arg("--version").output().is_err() {
                eprintln!("NOT TESTED HERE: {variant:?}, there is no C compiler");
                continue;
            }
            let path = work.join(format!("{version}-{variant:?}"));
            if !path.exists() {
                build(root, &folder, &work, variant, &path);
            }
            programs.push(Built { path, version: *version, variant });
        }
    }
    programs
}

fn build(root: &Path, folder: &Path, work: &Path, variant: Variant, to: &Path) {
    let made = to.with_extension("made");
    let mut go = Command::new(root.join("bin/go"));
    go.arg("build").args(variant.arguments()).arg("-o").arg(&made).arg(".").current_dir(work);
    go.env_clear()
        .env("PATH", env::var_os("PATH").unwrap_or_default())
        .env("HOME", folder)
        .env("GOROOT", root);
    go.env("GOCACHE", folder.join("cache")).env("GOPATH", folder.join("path"));
    go.env("GOTOOLCHAIN", "local").env("GOPROXY", "off").env("GOFLAGS", "-mod=mod");
    go.env("CGO_ENABLED", if variant.needs_c() { "1" } else { "0" });
    let output = go.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::rename(made, to).unwrap();
}

/// Where programs and toolchains are kept: below the target directory, as the end-to-end tests do it.
fn folder() -> PathBuf {
    let program = env::current_exe().unwrap();
    let profile = program.ancestors().find(|dir| dir.ends_with("deps")).and_then(Path::parent);
    profile.and_then(Path::parent).unwrap().join("go")
}

/// The roots of the toolchains, with their releases.
fn toolchains(folder: &Path) -> Vec<(PathBuf, Version)> {
    let named = env::var_os("PULLSCOPE_GO").unwrap_or_default();
    let mut roots: Vec<_> = env::split_paths(&named).filter(|root| !root.as_os_str().is_empty()).collect();
    let fetched = fs::read_dir(folder.join("toolchains")).into_iter().flatten().flatten();
    roots.extend(fetched.map(|entry| entry.path().join("go")).filter(|root| root.join("bin/go").exists()));
    let mut toolchains: Vec<(PathBuf, Version)> = Vec::new();
    for root in roots {
        let output = Command::new(root.join("bin/go")).env("GOROOT", &root).arg("version").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let version = Version::parse(text.split(' ').nth(2).unwrap_or_default()).unwrap();
        if toolchains.iter().all(|(_, other)| *other != version) {
            toolchains.push((root, version));
        }
    }
    toolchains
}
