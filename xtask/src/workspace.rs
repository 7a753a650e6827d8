//! Where things are, and commands that start with a clean environment.

use std::{
    env,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use crate::architecture::Architecture;

/// Paths of this checkout and of what is built from it.
pub struct Workspace {
    /// The folder of the top `Cargo.toml`.
    pub root: PathBuf,
    /// Cargo's target folder: `target`, or what `CARGO_TARGET_DIR` or a Cargo configuration says.
    pub target: PathBuf,
    /// Cargo's folder for what lies between; the same as `target` unless `build.build-dir` is configured.
    pub build: PathBuf,
}

impl Workspace {
    /// Asks Cargo where it puts things.
    pub fn find() -> Result<Self> {
        let manifest = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let root =
            Path::new(&manifest).parent().context("xtask lies at the top of the workspace")?.to_owned();
        // In the caller's folder: a relative CARGO_TARGET_DIR counts from there.
        let output = Command::new(cargo_program())
            .args(["metadata", "--format-version=1", "--no-deps", "--offline", "--manifest-path"])
            .arg(root.join("Cargo.toml"))
            .output()
            .context("`cargo metadata` does not start")?;
        let text = String::from_utf8_lossy(&output.stdout);
        let Some(target) = json_string(&text, "target_directory") else {
            bail!("`cargo metadata` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        };
        let build = json_string(&text, "build_directory").unwrap_or_else(|| target.clone());
        Ok(Self { root, target: target.into(), build: build.into() })
    }

    /// The kernel programs, linked: what `collector/build.rs` embeds.
    pub fn kernel_object(&self, architecture: Architecture) -> PathBuf {
        self.build.join(architecture.kernel_folder()).join("pullscope.bpf.o")
    }

    /// The program of the release build, or of the debug build, for this machine.
    pub fn binary(&self, debug: bool) -> PathBuf {
        self.binary_for(Architecture::HOST, debug)
    }

    /// The same for any processor.
    pub fn binary_for(&self, architecture: Architecture, debug: bool) -> PathBuf {
        let profile = if debug { "debug" } else { "release" };
        self.target.join(architecture.triple()).join(profile).join("pullscope")
    }

    /// A path as a reader of the terminal likes it: short where it lies in this checkout.
    pub fn short<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }

    /// The Cargo that started xtask, run at the top of the workspace.
    pub fn cargo(&self) -> Command {
        self.command(cargo_program())
    }

    /// A program, run at the top of the workspace without what `cargo run` put into xtask's environment.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        for (name, _) in env::vars_os() {
            if name.to_str().is_some_and(is_of_cargo_run) {
                command.env_remove(name);
            }
        }
        if let Some(paths) = env::var_os("LD_LIBRARY_PATH") {
            match self.library_path(&paths) {
                Some(paths) => command.env("LD_LIBRARY_PATH", paths),
                None => command.env_remove("LD_LIBRARY_PATH"),
            };
        }
        if env::var_os("CARGO_TARGET_DIR").is_some() {
            command.env("CARGO_TARGET_DIR", &self.target);
        }
        command
    }

    /// `LD_LIBRARY_PATH` without the folders of build outputs and of toolchains, which would let a program find a
    /// library that only stands there by chance; `None` when nothing is left.
    fn library_path(&self, paths: &OsStr) -> Option<OsString> {
        let kept: Vec<_> = env::split_paths(paths)
            .filter(|path| {
                let of_toolchain =
                    path.ends_with("lib") && path.components().any(|part| part.as_os_str() == "toolchains");
                let of_sysroot = path.components().any(|part| part.as_os_str() == "rustlib");
                !path.starts_with(&self.target)
                    && !of_toolchain
                    && !of_sysroot
                    && !path.as_os_str().is_empty()
            })
            .collect();
        if kept.is_empty() { None } else { env::join_paths(kept).ok() }
    }
}

/// Whether `cargo run` sets this variable for the program it runs. Passed on, they would describe xtask to others.
fn is_of_cargo_run(name: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
        || matches!(name, "CARGO_PRIMARY_PACKAGE" | "OUT_DIR")
}

fn cargo_program() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// The string value of `key` in JSON text that Cargo wrote without spaces; two keys do not merit a JSON parser.
fn json_string(json: &str, key: &str) -> Option<String> {
    let start = json.find(&format!("\"{key}\":\""))? + key.len() + 4;
    let mut value = String::new();
    let mut characters = json.get(start..)?.chars();
    loop {
        match characters.next()? {
            '"' => return Some(value),
            '\\' => value.push(characters.next()?),
            character => value.push(character),
        }
    }
}

/// Whether this process may load kernel programs and install packages.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whether a machine, not a person, reads the output.
pub fn is_ci() -> bool {
    env::var_os("CI").is_some_and(|value| !value.is_empty())
}

/// The first file of that name in the folders of `PATH`, Cargo's own `bin` before them.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let cargo_bin = cargo_home().map(|home| home.join("bin"));
    let path = env::var_os("PATH").unwrap_or_default();
    cargo_bin
        .into_iter()
        .chain(env::split_paths(&path))
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// Where Cargo keeps what it has fetched, and installs programs.
pub fn cargo_home() -> Option<PathBuf> {
    env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(".cargo")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_strings_are_found_and_unescaped() {
        let json = r#"{"packages":[],"target_directory":"/a \"b\"/target","build_directory":"/c","x":1}"#;
        assert_eq!(json_string(json, "target_directory").as_deref(), Some("/a \"b\"/target"));
        assert_eq!(json_string(json, "build_directory").as_deref(), Some("/c"));
        assert_eq!(json_string(json, "absent"), None);
        assert_eq!(json_string(r#"{"cut":"/a"#, "cut"), None);
    }

    #[test]
    fn only_what_cargo_run_sets_is_taken_away() {
        for name in ["CARGO_PKG_NAME", "CARGO_MANIFEST_DIR", "CARGO_BIN_NAME", "OUT_DIR"] {
            assert!(is_of_cargo_run(name), "{name}");
        }
        for name in
            ["CARGO", "CARGO_HOME", "CARGO_TARGET_DIR", "CARGO_NET_OFFLINE", "CARGO_TERM_COLOR", "PATH"]
        {
            assert!(!is_of_cargo_run(name), "{name}");
        }
    }

    #[test]
    fn library_path_keeps_what_the_user_set() {
        let workspace =
            Workspace { root: "/p".into(), target: "/p/target".into(), build: "/p/target".into() };
        let paths = OsStr::new(
            "/p/target/debug/deps:/h/.rustup/toolchains/stable/lib:/usr/lib/rustlib/x/lib::/opt/lib",
        );
        assert_eq!(workspace.library_path(paths).as_deref(), Some(OsStr::new("/opt/lib")));
        assert_eq!(workspace.library_path(OsStr::new("/p/target/debug")), None);
    }
}
