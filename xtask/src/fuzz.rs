//! The fuzz targets of the crates that read what strangers send, each for a few seconds from its corpus.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{
    setup::debian,
    steps::{Live, Outcome},
    workspace::{Workspace, find_program, is_root},
};

/// What is installed when cargo-fuzz is absent; any version that is there will do.
const VERSION: &str = "0.13.2";
/// The crates that have a folder `fuzz`. Each is a workspace of its own.
pub const CRATES: [&str; 2] = ["binary", "wire"];
/// Time for each target: enough to run the corpus and to notice a decoder that breaks at once.
const SECONDS: u32 = 5;

/// Makes sure that cargo-fuzz is there, and a C++ compiler for libFuzzer.
pub fn require(workspace: &Workspace, live: &Live) -> Result<Outcome> {
    if find_program("c++").is_none() {
        if !(is_root() && debian::has_apt()) {
            bail!("libFuzzer wants a C++ compiler; on Debian get it by `apt-get install g++`");
        }
        debian::install(workspace, live, &["g++".to_owned()])?;
    }
    if find_program("cargo-fuzz").is_some() {
        return Ok(Outcome::Done(String::new()));
    }
    let mut install = workspace.cargo();
    install.args(["install", "--locked", "--version", VERSION, "cargo-fuzz"]).env_remove("CARGO_TARGET_DIR");
    live.run(&mut install)
        .context("cargo-fuzz is absent; it comes by `cargo install --locked cargo-fuzz`")?;
    Ok(Outcome::Done(format!("{VERSION}, installed")))
}

/// Runs every target.
pub fn all(workspace: &Workspace, live: &Live) -> Result<Outcome> {
    let compiler = Compiler::of_this_machine();
    let mut done = Vec::new();
    for name in CRATES {
        let folder = workspace.root.join(name).join("fuzz");
        let targets = targets(&folder)?;
        ensure!(!targets.is_empty(), "there are no targets in {name}/fuzz/fuzz_targets");
        live.run(&mut compiler.cargo_fuzz(workspace, name, "build"))?;
        for target in &targets {
            live.note(&format!("{name}/{target}"));
            // libFuzzer writes what it finds into the first folder; the corpus in the tree is only read.
            let finds = workspace.target.join("fuzz/finds").join(name).join(target);
            fs::create_dir_all(&finds).with_context(|| format!("cannot make {}", finds.display()))?;
            let mut fuzz = compiler.cargo_fuzz(workspace, name, "run");
            fuzz.arg(target).arg(finds).args(corpora(&folder, target));
            fuzz.arg("--")
                .arg(format!("-max_total_time={SECONDS}"))
                .args(["-timeout=10", "-rss_limit_mb=1024"]);
            live.run(&mut fuzz).with_context(|| {
                format!(
                    "fuzz target {target} failed; the input that did it is in {name}/fuzz/artifacts/{target}"
                )
            })?;
        }
        done.extend(targets.iter().map(|target| format!("{name}/{target}")));
    }
    Ok(Outcome::Done(format!("{} for {SECONDS} s each, {}", done.join(", "), compiler.describe())))
}

/// The names of the targets: the files in `fuzz_targets`.
fn targets(folder: &Path) -> Result<Vec<String>> {
    let mut names: Vec<_> = fs::read_dir(folder.join("fuzz_targets"))
        .with_context(|| format!("there is no {}/fuzz_targets", folder.display()))?
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "rs"))
        .filter_map(|entry| Some(entry.path().file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    Ok(names)
}

/// What a target begins with: the captured bytes in the tree, and what earlier sessions of fuzzing have left.
fn corpora(folder: &Path, target: &str) -> impl Iterator<Item = PathBuf> {
    let folders = [folder.join("../testdata").join(target), folder.join("corpus").join(target)];
    folders.into_iter().filter(|corpus| corpus.is_dir())
}

/// What builds the targets.
enum Compiler {
    /// A nightly of rustup's: with the address sanitizer, which watches the unsafe code of dependencies.
    Nightly,
    /// Any other: without it. The crates themselves have no unsafe code; panics and overflows are found all the same.
    Stable,
}

impl Compiler {
    fn of_this_machine() -> Self {
        let list = Command::new("rustup").args(["toolchain", "list"]).output();
        let has_nightly =
            list.is_ok_and(|list| String::from_utf8_lossy(&list.stdout).lines().any(is_nightly));
        if has_nightly { Self::Nightly } else { Self::Stable }
    }

    fn describe(&self) -> &'static str {
        match self {
            Self::Nightly => "with the address sanitizer",
            Self::Stable => "without the address sanitizer (there is no nightly toolchain)",
        }
    }

    fn cargo_fuzz(&self, workspace: &Workspace, name: &str, subcommand: &str) -> Command {
        let mut cargo = match self {
            Self::Nightly => {
                let mut cargo = workspace.command("cargo");
                cargo.env_remove("CARGO").env("RUSTUP_TOOLCHAIN", "nightly");
                cargo
            }
            Self::Stable => workspace.cargo(),
        };
        cargo
            .args(["fuzz", subcommand, &format!("--fuzz-dir={name}/fuzz"), "--target-dir"])
            .arg(workspace.target.join("fuzz"));
        if matches!(self, Self::Stable) {
            cargo.arg("--sanitizer=none");
        }
        cargo
    }
}

/// Whether a line of `rustup toolchain list` is the nightly that `+nightly` means, and not a dated one.
fn is_nightly(line: &str) -> bool {
    line.strip_prefix("nightly-").is_some_and(|rest| !rest.starts_with(|first: char| first.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_crate_with_targets_is_in_the_list() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut present: Vec<_> = fs::read_dir(root)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|folder| folder.join("fuzz/Cargo.toml").is_file())
            .map(|folder| folder.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        present.sort();
        assert_eq!(present, CRATES);
    }

    #[test]
    fn targets_are_the_rust_files() {
        let folder = tempfile::tempdir().unwrap();
        assert!(targets(folder.path()).is_err());
        fs::create_dir_all(folder.path().join("fuzz_targets")).unwrap();
        for name in ["http1.rs", "dns.rs", "notes.md"] {
            fs::write(folder.path().join("fuzz_targets").join(name), "").unwrap();
        }
        assert_eq!(targets(folder.path()).unwrap(), ["dns", "http1"]);
    }

    #[test]
    fn a_dated_nightly_is_not_the_nightly() {
        assert!(is_nightly("nightly-x86_64-unknown-linux-gnu"));
        assert!(is_nightly("nightly-x86_64-unknown-linux-gnu (active)"));
        assert!(!is_nightly("nightly-2026-01-01-x86_64-unknown-linux-gnu"));
        assert!(!is_nightly("stable-x86_64-unknown-linux-gnu (active, default)"));
    }
}
