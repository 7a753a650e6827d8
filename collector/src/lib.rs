//! pullscope: watches container runtimes and image agents from the kernel and exposes what they pull as Prometheus
//! metrics.
//!
//! - [`cli`]: the command line; [`config`]: settings from flags, environment and file; [`targets`]: who is watched;
//! - [`run`]: puts the parts together and keeps them going until the program is told to stop; [`notify`]: tells the service manager;
//! - [`kernel`]: the kernel programs, loaded and attached, and their records; [`observer`]: drains them and keeps all going;
//! - [`binaries`]: the program files that have probes;
//! - [`recipes`]: what an operator says of programs that pullscope does not know;
//! - [`model`]: from the kernel's events to facts; [`metrics`]: from facts to numbers; [`pulls`]: the log of image pulls;
//! - [`serve`]: numbers and pulls over HTTP.

pub mod binaries;
pub mod cli;
pub mod config;
pub mod failure;
pub mod kernel;
pub mod log;
pub mod metrics;
pub mod model;
pub mod notify;
pub mod observer;
pub mod pulls;
pub mod recipes;
pub mod run;
pub mod serve;
pub mod targets;
mod text;

pub use failure::Failure;

/// Version of this build.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Commit this build was made from, `unknown` where the build was not told.
pub const REVISION: &str = match option_env!("PULLSCOPE_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};
