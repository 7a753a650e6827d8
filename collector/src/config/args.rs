//! The settings as flags and environment variables.

use std::path::PathBuf;

use super::{
    ListenAddress, MaxConnections, MaxRegistries, PullsRemember, RingBufferBytes, Strategy, Switch,
    TelemetryPath,
};
use crate::log;
use crate::recipes::shipped::Shipped;

/// Flags of `run` and `check`. What is not given here comes from the config file, else from the defaults.
///
/// The first line of each is what `-h` shows; defaults are in the text, since a default that clap fills in could not be
/// told from one that was asked for, and the file would never be heard.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct SettingsArgs {
    /// Config file (TOML); unknown keys in it are refused
    #[arg(
        long = "config.file",
        value_name = "FILE",
        env = "PULLSCOPE_CONFIG_FILE",
        help_heading = "Settings"
    )]
    pub config_file: Option<PathBuf>,

    /// Address to serve metrics at; may be given several times [default: 127.0.0.1:10617]
    ///
    /// `HOST:PORT`, `[IPV6]:PORT`, or `:PORT` for every address of the machine. Several may also be separated by commas.
    #[arg(
        long = "web.listen-address",
        value_name = "ADDRESS",
        env = "PULLSCOPE_WEB_LISTEN_ADDRESS",
        value_delimiter = ',',
        help_heading = "Serving"
    )]
    pub web_listen_address: Vec<ListenAddress>,

    /// Path of the metrics [default: /metrics]
    #[arg(
        long = "web.telemetry-path",
        value_name = "PATH",
        env = "PULLSCOPE_WEB_TELEMETRY_PATH",
        help_heading = "Serving"
    )]
    pub web_telemetry_path: Option<TelemetryPath>,

    /// How sockets are watched [default: auto]
    #[arg(
        long = "kernel.strategy",
        value_name = "STRATEGY",
        env = "PULLSCOPE_KERNEL_STRATEGY",
        help_heading = "Kernel"
    )]
    pub kernel_strategy: Option<Strategy>,

    /// Size of the ring buffer, a power of two [default: 4194304]
    ///
    /// What finds it full is lost, and counted in `pullscope_kernel_events_lost_total{reason="ring_full"}`: then make it
    /// larger.
    #[arg(
        long = "kernel.ring-buffer-bytes",
        value_name = "BYTES",
        env = "PULLSCOPE_KERNEL_RING_BUFFER_BYTES",
        help_heading = "Kernel"
    )]
    pub kernel_ring_buffer_bytes: Option<RingBufferBytes>,

    /// Most connections followed at once [default: 16384]
    ///
    /// What finds no room is counted in `pullscope_kernel_events_lost_total{reason="connections_full"}`.
    #[arg(
        long = "kernel.max-connections",
        value_name = "NUMBER",
        env = "PULLSCOPE_KERNEL_MAX_CONNECTIONS",
        help_heading = "Kernel"
    )]
    pub kernel_max_connections: Option<MaxConnections>,

    /// Whether Go programs are probed to read their TLS [default: auto]
    ///
    /// `auto`: those of watched processes, and those at known paths of the targets. `off`: none, their requests over TLS are not
    /// seen.
    #[arg(long = "tls.go", value_name = "SWITCH", env = "PULLSCOPE_TLS_GO", help_heading = "TLS")]
    pub tls_go: Option<Switch>,

    /// Whether OpenSSL is probed to read the TLS of programs that use it [default: auto]
    ///
    /// `auto`: the copies that watched processes use. Every other user of such a library on the machine then meets the probes
    /// too, and is let pass. `off`: none.
    #[arg(long = "tls.openssl", value_name = "SWITCH", env = "PULLSCOPE_TLS_OPENSSL", help_heading = "TLS")]
    pub tls_openssl: Option<Switch>,

    /// Most values of the registry label, further ones are counted as `[OTHER]` [default: 200]
    #[arg(long, value_name = "NUMBER", env = "PULLSCOPE_MAX_REGISTRIES", help_heading = "Settings")]
    pub max_registries: Option<MaxRegistries>,

    /// Most ended pulls that the pull log keeps [default: 1000]
    ///
    /// Pulls that go on are there besides. `pullscope pulls` and `/api/v1/pulls` show them; each takes some KiB of memory.
    #[arg(
        long = "pulls.remember",
        value_name = "NUMBER",
        env = "PULLSCOPE_PULLS_REMEMBER",
        help_heading = "Settings"
    )]
    pub pulls_remember: Option<PullsRemember>,

    /// Recipes to use of those that come with pullscope; may be given several times [default: none]
    ///
    /// `pullscope recipes list` names them. Several may also be separated by commas. Recipes of the config file are in force
    /// besides.
    #[arg(
        long,
        value_name = "NAME",
        env = "PULLSCOPE_USE_RECIPES",
        value_delimiter = ',',
        help_heading = "Settings"
    )]
    pub use_recipes: Vec<Shipped>,

    /// Have the kernel measure what the kernel programs cost [default: off]
    ///
    /// Fills `pullscope_probe_runs_total` and `pullscope_probe_run_seconds_total`; the measuring itself costs every BPF program
    /// of the machine some tens of nanoseconds a run. `--bpf-stats=false` overrides the config file.
    #[arg(
        long,
        value_name = "BOOL",
        env = "PULLSCOPE_BPF_STATS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        help_heading = "Settings"
    )]
    pub bpf_stats: Option<bool>,

    /// Leave out log lines less important than this [default: info]
    #[arg(long = "log.level", value_name = "LEVEL", env = "PULLSCOPE_LOG_LEVEL", help_heading = "Log")]
    pub log_level: Option<log::Level>,

    /// Shape of log lines [default: text]
    #[arg(long = "log.format", value_name = "FORMAT", env = "PULLSCOPE_LOG_FORMAT", help_heading = "Log")]
    pub log_format: Option<log::Format>,
}
