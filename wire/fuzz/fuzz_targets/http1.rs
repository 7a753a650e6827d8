//! Any sequence of calls on a connection: its rules hold, and how the bytes are cut changes nothing.
#![no_main]

#[path = "../../tests/support/mod.rs"]
mod support;

use libfuzzer_sys::fuzz_target;
use support::{decode, merged, run};
use wire::http1::Connection;

fuzz_target!(|recording: &[u8]| {
    let ops = decode(recording);
    for start in [Connection::opened as fn() -> Connection, Connection::new] {
        let whole = merged(&run(start(), &ops, usize::MAX));
        assert_eq!(merged(&run(start(), &ops, 1)), whole);
    }
});
