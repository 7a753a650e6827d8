//! Settings: what `run` needs, from flags, environment, config file and defaults, in that order.
//!
//! One rule names a setting everywhere: the flag `--web.listen-address` is the environment variable
//! `PULLSCOPE_WEB_LISTEN_ADDRESS` and the key `listen_address` in the file's table `[web]`.

mod args;
mod file;
#[cfg(test)]
mod tests;
mod values;
mod watched;

pub use args::SettingsArgs;
pub use values::{
    ListenAddress, MaxConnections, MaxRegistries, PullsRemember, RingBufferBytes, Strategy, Switch,
    TelemetryPath,
};

use std::collections::HashMap;

use crate::binaries::Wanted;
use crate::failure::Failure;
use crate::log;
use crate::model::event::TargetId;
use crate::recipes::Recipe;
use crate::recipes::rule::Rule;
use crate::targets::Targets;

/// Where `/metrics` is served unless told otherwise.
///
/// On loopback, since what a node pulls is not for everyone. The port: Prometheus's list of default ports has given away
/// all of 9100 to 9999 and goes on upwards from 10000, so far by tens; IANA has assigned nothing to 10617, and
/// Kubernetes uses nothing near it (its components have 10248 to 10259).
pub const DEFAULT_LISTEN_ADDRESS: &str = "127.0.0.1:10617";

/// All that `run` needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Addresses to serve at, at least one.
    pub listen_addresses: Vec<ListenAddress>,
    /// Path of the metrics.
    pub telemetry_path: TelemetryPath,
    /// How sockets are watched.
    pub strategy: Strategy,
    /// Size of the ring buffer between kernel and collector.
    pub ring_buffer_bytes: RingBufferBytes,
    /// Most connections that are followed at once.
    pub max_connections: MaxConnections,
    /// Whether Go programs get probes.
    pub tls_go: Switch,
    /// Whether copies of OpenSSL get probes.
    pub tls_openssl: Switch,
    /// Whether the kernel measures its programs.
    pub bpf_stats: bool,
    /// Most values of the `registry` label.
    pub max_registries: MaxRegistries,
    /// Most ended pulls that the pull log keeps.
    pub pulls_remember: PullsRemember,
    /// Log lines less important than this are left out.
    pub log_level: log::Level,
    /// Shape of log lines.
    pub log_format: log::Format,
    /// Who is watched.
    pub targets: Targets,
    /// What counts of those that have a recipe; each has its target among the others, by name.
    pub recipes: Vec<Recipe>,
}

impl Settings {
    /// The TLS libraries that are to be probed.
    pub fn wanted(&self) -> Wanted {
        Wanted { go: self.tls_go == Switch::Auto, openssl: self.tls_openssl == Switch::Auto }
    }

    /// The rules of each target that has a recipe.
    pub fn rules(&self) -> HashMap<TargetId, Vec<Rule>> {
        self.with_recipe(|_| true).map(|(id, recipe)| (id, recipe.rules.clone())).collect()
    }

    /// The targets whose recipes are such.
    pub fn with_recipe(&self, such: impl Fn(&Recipe) -> bool) -> impl Iterator<Item = (TargetId, &Recipe)> {
        let of = |recipe: &Recipe| {
            let place =
                self.targets.as_slice().iter().position(|target| target.name == recipe.target.name)?;
            Some(TargetId(u16::try_from(place).ok()?))
        };
        self.recipes
            .iter()
            .filter(move |recipe| such(recipe))
            .filter_map(move |recipe| Some((of(recipe)?, recipe)))
    }

    /// Puts the sources together. Fails on a config file that cannot be read or is not valid.
    pub fn load(args: &SettingsArgs) -> Result<Self, Failure> {
        let file = match &args.config_file {
            Some(path) => file::File::read(path)?,
            None => file::File::default(),
        };
        Self::merge(args, file)
    }

    /// The settings without any config file: what is left to check when the file is not valid.
    pub fn without_file(args: &SettingsArgs) -> Self {
        let file = file::File::default();
        let (targets, recipes) = file.watched.in_force(None).unwrap_or_default();
        Self::put_together(args, file, targets, recipes)
    }

    /// Fails where recipes that are asked for on the command line or in the environment cannot be in force.
    fn merge(args: &SettingsArgs, file: file::File) -> Result<Self, Failure> {
        let asked = (!args.use_recipes.is_empty()).then_some(args.use_recipes.as_slice());
        let (targets, recipes) = file.watched.in_force(asked).map_err(|clash| {
            Failure::usage(
                "--use-recipes",
                clash.reason,
                "`pullscope recipes show NAME` prints a recipe, to be changed and put into the config file.",
            )
        })?;
        Ok(Self::put_together(args, file, targets, recipes))
    }

    fn put_together(args: &SettingsArgs, file: file::File, targets: Targets, recipes: Vec<Recipe>) -> Self {
        let listen_addresses = if args.web_listen_address.is_empty() {
            file.web
                .listen_address
                .map_or_else(|| vec![ListenAddress::default()], values::OneOrMany::into_vec)
        } else {
            args.web_listen_address.clone()
        };
        Self {
            listen_addresses,
            telemetry_path: args.web_telemetry_path.clone().or(file.web.telemetry_path).unwrap_or_default(),
            strategy: args.kernel_strategy.or(file.kernel.strategy).unwrap_or_default(),
            ring_buffer_bytes: args
                .kernel_ring_buffer_bytes
                .or(file.kernel.ring_buffer_bytes)
                .unwrap_or_default(),
            max_connections: args.kernel_max_connections.or(file.kernel.max_connections).unwrap_or_default(),
            tls_go: args.tls_go.or(file.tls.go).unwrap_or_default(),
            tls_openssl: args.tls_openssl.or(file.tls.openssl).unwrap_or_default(),
            bpf_stats: args.bpf_stats.or(file.bpf_stats).unwrap_or_default(),
            max_registries: args.max_registries.or(file.max_registries).unwrap_or_default(),
            pulls_remember: args.pulls_remember.or(file.pulls.remember).unwrap_or_default(),
            log_level: args.log_level.or(file.log.level).unwrap_or_default(),
            log_format: args.log_format.or(file.log.format).unwrap_or_default(),
            targets,
            recipes,
        }
    }
}
