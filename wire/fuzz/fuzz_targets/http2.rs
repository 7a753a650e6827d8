//! Any sequence of frames on a connection: its rules hold, and joining late makes nothing up.
#![no_main]

#[path = "../../tests/support/http2.rs"]
mod support;

use libfuzzer_sys::fuzz_target;
use support::{decode, run};
use wire::http2::Connection;

fuzz_target!(|recording: &[u8]| {
    let calls = decode(recording);
    for start in [Connection::opened as fn() -> Connection, Connection::new] {
        run(start(), &calls);
    }
});
