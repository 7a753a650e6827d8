//! The config file: TOML, every key known, every value checked, errors with the line.

use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use super::values::OneOrMany;
use super::watched::{Own, Watched, What};
use super::{
    ListenAddress, MaxConnections, MaxRegistries, PullsRemember, RingBufferBytes, Strategy, Switch,
    TelemetryPath,
};
use crate::failure::Failure;
use crate::log;
use crate::recipes::file::WrittenRecipe;
use crate::recipes::shipped::Shipped;
use crate::targets::{ArgvPattern, Comm, Role, Target, TargetName};

/// Largest config file in bytes.
const MAX_FILE: u64 = 1 << 20;

/// Where to read what may stand in the file.
const MEND: &str = "docs/configuration.md lists every key, docs/recipes.md those of recipes";

/// A config file that was read and found valid. The default is that of an empty file.
#[derive(Debug, Default)]
pub struct File {
    pub bpf_stats: Option<bool>,
    pub max_registries: Option<MaxRegistries>,
    pub web: Web,
    pub kernel: Kernel,
    pub tls: Tls,
    pub pulls: Pulls,
    pub log: Log,
    pub watched: Watched,
}

/// The file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    bpf_stats: Option<bool>,
    max_registries: Option<MaxRegistries>,
    default_targets: bool,
    use_recipes: Vec<Spanned<Shipped>>,
    web: Web,
    kernel: Kernel,
    tls: Tls,
    pulls: Pulls,
    log: Log,
    targets: Vec<Spanned<WrittenTarget>>,
    recipe: Vec<Spanned<WrittenRecipe>>,
}

impl Default for Written {
    fn default() -> Self {
        Self {
            bpf_stats: None,
            max_registries: None,
            default_targets: true,
            use_recipes: Vec::new(),
            web: Web::default(),
            kernel: Kernel::default(),
            tls: Tls::default(),
            pulls: Pulls::default(),
            log: Log::default(),
            targets: Vec::new(),
            recipe: Vec::new(),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Web {
    pub listen_address: Option<OneOrMany<ListenAddress>>,
    pub telemetry_path: Option<TelemetryPath>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Kernel {
    pub strategy: Option<Strategy>,
    pub ring_buffer_bytes: Option<RingBufferBytes>,
    pub max_connections: Option<MaxConnections>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    pub go: Option<Switch>,
    pub openssl: Option<Switch>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pulls {
    pub remember: Option<PullsRemember>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    pub level: Option<log::Level>,
    pub format: Option<log::Format>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenTarget {
    name: TargetName,
    comm: Comm,
    argv: Option<ArgvPattern>,
    #[serde(default)]
    role: Role,
}

impl File {
    /// Reads and checks the file at that path.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let what = || format!("config file {}", path.display());
        let unreadable = |why: String| {
            Failure::usage(
                what(),
                why,
                "Name a file that can be read with --config.file, or leave the flag out.",
            )
        };
        let size = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?.len();
        if size > MAX_FILE {
            return Err(unreadable(format!("it has {size} bytes, more than {MAX_FILE}")));
        }
        let text = std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
        Self::parse(&text).map_err(|error| {
            Failure::usage(
                what(),
                format!("line {}: {}", error.line, error.reason),
                format!("Mend that line; {MEND}."),
            )
        })
    }

    /// Checks a file's text.
    pub fn parse(text: &str) -> Result<Self, FileError> {
        let written: Written = toml::from_str(text).map_err(|error| FileError {
            line: line_of(text, error.span()),
            reason: in_our_words(error.message()),
        })?;
        let line = |span: Range<usize>| line_of(text, Some(span));
        let mut own = Vec::new();
        for target in written.targets {
            let span = target.span();
            let WrittenTarget { name, comm, argv, role } = target.into_inner();
            let target = Target { name, comm, argv, role, redis: false, threads: false };
            own.push(Own { line: line(span), what: What::Target(target) });
        }
        for recipe in written.recipe {
            let span = recipe.span();
            let checked = recipe.into_inner().check(&span);
            let recipe =
                checked.map_err(|refusal| FileError { line: line(refusal.span), reason: refusal.reason })?;
            own.push(Own { line: line(span), what: What::Recipe(recipe) });
        }
        let uses = written.use_recipes.iter().map(|shipped| (*shipped.get_ref(), line(shipped.span())));
        let watched = Watched::new(own, uses.collect(), written.default_targets);
        watched
            .in_force(None)
            .map_err(|clash| FileError { line: clash.line.unwrap_or(1), reason: clash.reason })?;
        Ok(Self {
            bpf_stats: written.bpf_stats,
            max_registries: written.max_registries,
            web: written.web,
            kernel: written.kernel,
            tls: written.tls,
            pulls: written.pulls,
            log: written.log,
            watched,
        })
    }
}

/// What is wrong with a file, and where.
#[derive(Debug, PartialEq, Eq)]
pub struct FileError {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong with it, without a full stop.
    pub reason: String,
}

fn line_of(text: &str, span: Option<Range<usize>>) -> usize {
    let before = text.get(..span.map_or(0, |span| span.start)).unwrap_or(text);
    1 + before.matches('\n').count()
}

/// serde speaks of fields; who writes a file speaks of keys. Errors of several lines become one.
fn in_our_words(message: &str) -> String {
    let message =
        message.trim().replace("unknown field", "unknown key").replace("missing field", "missing key");
    message.split('\n').map(str::trim).collect::<Vec<_>>().join(", ")
}
