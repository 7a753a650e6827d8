//! pullscope against the truth: real clients and registries, whose logs and exit codes it must agree with.
//!
//! Run by `cargo xtask test`, as root, with pullscope built (see `pullscope_tests::collector`). Every test observes
//! the whole machine, so they take turns.

mod access;
mod agent;
mod cgroups;
mod clients;
mod compare;
mod connects;
mod containers;
mod daemonset;
mod errors;
mod executor;
mod exposition;
mod gc;
mod h2_at_once;
mod h2_late;
mod lookups;
mod mirror;
mod names;
mod notify;
mod pods;
mod processes;
mod proxy;
mod pull_agents;
mod pull_clients;
mod pull_cri;
mod pull_cri_errors;
mod pull_late;
mod pull_storm;
mod pull_unknown;
mod pulls;
mod redirect;
mod refusals;
mod sandbox_manager;
mod served;
mod sockets;
mod storm;
mod tls_access;
mod tls_clients;
mod tls_errors;
mod tls_go;
mod tls_late;
mod tls_lifecycle;
mod tls_opaque;
mod tls_openssl;
mod tls_redirect;
mod tls_storm;
mod work;
mod work_ends;
mod work_shapes;
mod work_storm;
mod work_wire;
