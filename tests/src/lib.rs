//! The rig of the end-to-end tests: real registries, fronts and clients, each with an oracle of its own.
//!
//! A test starts servers, runs clients against them, and compares what pullscope exposes with what the servers
//! logged, the clients' exit codes and the sizes on disk. Nothing here knows how pullscope works.
//!
//! Everything started is owned by a handle, lives in a temporary directory, and is gone when the handle is dropped.
//! Needs root (namespaces, containerd, dockerd) and the Debian packages of `packages.txt`.
#![expect(
    clippy::missing_panics_doc,
    reason = "the rig panics wherever it fails: a broken rig is a failed test"
)]

pub mod agent;
pub mod answer;
pub mod attached;
pub mod clients;
pub mod collector;
pub mod cri;
pub mod daemons;
pub mod endpoint;
pub mod faulty;
pub mod fetch;
pub mod go;
pub mod hosts;
pub mod http;
pub mod images;
pub mod kubelet;
pub mod log;
pub mod loopback;
pub mod manifest;
pub mod mounts;
pub mod network;
pub mod nginx;
pub mod node;
pub mod packages;
pub mod place;
pub mod pod;
pub mod process;
pub mod redis;
pub mod registry;
pub mod relay;
pub mod scrape;
pub mod script;
pub mod secure;
pub mod tls;
pub mod token;
pub mod turn;
pub mod upstream;
pub mod work;
