//! The rig against itself: every oracle must agree with the others before pullscope is held against them.
//!
//! `cargo test -p pullscope-tests --test rig -- --nocapture` prints the requests that each client makes.

mod access;
mod faults;
mod network;
mod pods;
mod proxies;
mod pulls;
mod sites;
mod tls;
mod work;
