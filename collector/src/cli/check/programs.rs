//! Whether there is something to watch with, and something to watch.

use std::collections::BTreeSet;

use super::{Context, Finding};
use crate::binaries::Survey;
use crate::config::Switch;
use crate::targets::Target;

/// Where programs are, beside what PATH names: a service's PATH is often short.
const USUAL: [&str; 6] = ["/usr/local/bin", "/usr/local/sbin", "/usr/bin", "/usr/sbin", "/bin", "/opt/bin"];

/// Whether this build holds the kernel programs.
pub fn embedded(_: &Context) -> Finding {
    const NAME: &str = "kernel programs";
    if crate::kernel::programs::embedded() {
        Finding::ok(NAME, "part of this build")
    } else {
        Finding::fail(
            NAME,
            "not part of this build",
            "Build with `cargo xtask build`, which compiles them first.",
        )
    }
}

/// Which targets run or are installed.
pub fn targets(context: &Context) -> Finding {
    const NAME: &str = "targets";
    let running: BTreeSet<String> = context.host.processes().into_iter().map(|(_, comm)| comm).collect();
    let path = std::env::var("PATH").unwrap_or_default();
    let directories: BTreeSet<&str> = path.split(':').filter(|d| d.starts_with('/')).chain(USUAL).collect();
    let is_installed =
        |comm: &str| directories.iter().any(|directory| context.host.has(&format!("{directory}/{comm}")));
    let mut running_targets = Vec::new();
    let mut installed_targets = Vec::new();
    for Target { name, comm, .. } in context.settings.targets.as_slice() {
        if running.contains(comm.as_str()) {
            running_targets.push(name.as_str());
        } else if is_installed(comm.as_str()) {
            installed_targets.push(name.as_str());
        }
    }
    let parts: Vec<String> = [("running", running_targets), ("installed", installed_targets)]
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(word, names)| format!("{word}: {}", names.join(", ")))
        .collect();
    if parts.is_empty() {
        Finding::warn(
            NAME,
            "none of them runs or is installed here: there is nothing to watch yet",
            "Nothing to do if they come later or in containers; else add your programs as [[targets]] to the config file.",
        )
    } else {
        Finding::ok(NAME, parts.join("; "))
    }
}

/// What can be probed in the programs of the targets that are here, to read their TLS.
pub fn probes(context: &Context) -> Finding {
    const NAME: &str = "programs";
    let settings = &context.settings;
    if (settings.tls_go, settings.tls_openssl) == (Switch::Off, Switch::Off) {
        return Finding::ok(NAME, "none is probed: --tls.go=off and --tls.openssl=off");
    }
    let targets = settings.targets.as_slice();
    let is_target = |comm: &str| targets.iter().any(|target| target.comm.as_str() == comm);
    let running =
        context.host.processes().into_iter().filter(|(_, comm)| is_target(comm)).map(|(pid, _)| pid);
    let survey = Survey::of(
        &context.host.places(),
        targets.iter().map(|target| target.comm.as_str()),
        running,
        settings.wanted(),
    );
    if survey.lines.is_empty() {
        Finding::ok(NAME, "none is here yet: each is looked at when it first runs")
    } else if survey.doubtful {
        Finding::warn(
            NAME,
            survey.lines.join("\n"),
            "What is not probed shows by its connections only. A newer pullscope may know it.",
        )
    } else {
        Finding::ok(NAME, survey.lines.join("\n"))
    }
}
