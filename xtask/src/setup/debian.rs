//! Debian packages: what is missing, and its installation by apt-get.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use anyhow::{Context as _, Result, bail};

use crate::{
    steps::{Live, Outcome},
    workspace::{Workspace, find_program, is_root},
};

/// The names in a list with one package per line; `#` starts a comment.
pub fn parse_packages(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| line.split('#').next()?.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

/// Whether packages come by apt-get here.
pub fn has_apt() -> bool {
    find_program("apt-get").is_some() && find_program("dpkg-query").is_some()
}

/// Makes sure that the packages are there, which `purpose` needs.
pub fn require(workspace: &Workspace, live: &Live, packages: &[String], purpose: &str) -> Result<Outcome> {
    if !has_apt() {
        let why = format!("this is no Debian; {purpose} want(s) the programs of {}", packages.join(" "));
        return Ok(Outcome::Skipped(why));
    }
    let missing = missing(packages)?;
    if missing.is_empty() {
        return Ok(Outcome::Done(String::new()));
    }
    let names = missing.join(" ");
    if !is_root() {
        bail!("packages for {purpose} are missing; get them by `sudo apt-get install {names}`");
    }
    install(workspace, live, &missing)?;
    Ok(Outcome::Done(format!("installed {names}")))
}

fn missing(packages: &[String]) -> Result<Vec<String>> {
    let output = Command::new("dpkg-query")
        .args(["--show", "--showformat=${Package} ${db:Status-Status}\\n"])
        .args(packages)
        .output()
        .context("dpkg-query does not start")?;
    // It fails when a package is unknown, and still tells about the others.
    let status = String::from_utf8_lossy(&output.stdout);
    Ok(packages.iter().filter(|name| !is_installed(&status, name)).cloned().collect())
}

/// Whether dpkg-query's answer, `NAME STATUS` per line, calls the package installed.
fn is_installed(status: &str, package: &str) -> bool {
    status.lines().any(|line| line.split_once(' ') == Some((package, "installed")))
}

/// Installs packages by apt-get, without starting the services that some of them bring.
pub fn install(workspace: &Workspace, live: &Live, packages: &[String]) -> Result<()> {
    let apt = |words: &[&str]| {
        let mut command = workspace.command("apt-get");
        command
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(["-qy", "-oDPkg::Lock::Timeout=300"])
            .args(words);
        command
    };
    let names = packages.join(" ");
    let _quiet = NoServices::new(Path::new("/usr/sbin/policy-rc.d"))?;
    live.note("apt-get update");
    // Without a fresh list the old one may still do.
    let _ = live.run(&mut apt(&["update"]));
    live.note(&names);
    // Never trades a package of the user's for one of ours: Debian's compilers exclude each other.
    let mut install = apt(&["install", "--no-remove", "--no-install-recommends"]);
    live.run(install.args(packages)).with_context(|| {
        format!("apt-get cannot install {names} (as root, by hand: `apt-get install {names}`)")
    })
}

/// While this lives, installed services are not started: Debian's packages ask `policy-rc.d` first.
///
/// The tests start their own copies with their own settings; a registry or web server on the usual port is not what
/// somebody asked for who runs the tests of a project. A policy that is there already stays in force.
struct NoServices<'a> {
    path: Option<&'a Path>,
}

impl<'a> NoServices<'a> {
    fn new(path: &'a Path) -> Result<Self> {
        // One that a killed xtask left behind is taken over, so that it goes away in the end.
        if path.exists() && fs::read_to_string(path).ok().as_deref() != Some(Self::POLICY) {
            return Ok(Self { path: None });
        }
        fs::write(path, Self::POLICY).with_context(|| format!("cannot write {}", path.display()))?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
        Ok(Self { path: Some(path) })
    }

    // 101: the action is forbidden by policy (invoke-rc.d(8)).
    const POLICY: &'static str =
        "#!/bin/sh\n# For the time of an installation by pullscope's cargo xtask.\nexit 101\n";
}

impl Drop for NoServices<'_> {
    fn drop(&mut self) {
        if let Some(path) = self.path {
            // If it cannot be removed, the next installation removes it.
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_lists_have_comments_and_blank_lines() {
        let list =
            "# clients\nskopeo\n\n  podman   # with its own storage\n#nginx\nctr-not-a-package # x # y\n";
        assert_eq!(parse_packages(list), ["skopeo", "podman", "ctr-not-a-package"]);
        assert!(parse_packages("# nothing\n\n").is_empty());
    }

    #[test]
    fn only_installed_packages_count() {
        let status = "skopeo installed\npodman config-files\n";
        assert!(is_installed(status, "skopeo"));
        assert!(!is_installed(status, "podman"));
        assert!(!is_installed(status, "skop"));
    }

    #[test]
    fn a_policy_of_ours_goes_away_and_one_of_others_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy-rc.d");
        drop(NoServices::new(&path).unwrap());
        assert!(!path.exists());
        fs::write(&path, NoServices::POLICY).unwrap();
        drop(NoServices::new(&path).unwrap());
        assert!(!path.exists(), "left behind by a killed run");
        fs::write(&path, "#!/bin/sh\nexit 0\n").unwrap();
        drop(NoServices::new(&path).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "#!/bin/sh\nexit 0\n");
    }
}
