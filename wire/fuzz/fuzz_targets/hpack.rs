//! Header blocks: those of a right encoder are read as `loona-hpack` reads them, from any of them on; any bytes are read
//! without panic, within the bound, and where the oracle can read them, as it does.
#![no_main]

#[path = "../../tests/support/hpack.rs"]
mod support;

use libfuzzer_sys::fuzz_target;
use wire::http2::hpack::{Decoder, MAX_MEMORY, kept};

fuzz_target!(|bytes: &[u8]| {
    // Each block is a place to join at: few of them are enough.
    support::check(&support::blocks(bytes.get(..300).unwrap_or(bytes)));

    let (mut oracle, mut opened, mut joined) =
        (loona_hpack::Decoder::new(), Decoder::opened(), Decoder::new());
    // Blocks that are cut at will: each begins with its length.
    let mut rest = bytes;
    while let Some((&length, after)) = rest.split_first() {
        let (block, after) = after.split_at(after.len().min(length.into()));
        rest = after;
        let _ = joined.decode(block, &mut |_| {});
        assert!(joined.memory() <= MAX_MEMORY);
        let expected = oracle.decode(block);
        let mut fields = Vec::new();
        let read = opened.decode(block, &mut |header| {
            fields.push((header.name.map(<[u8]>::to_vec), header.value.map(<[u8]>::to_vec)));
        });
        assert!(opened.memory() <= MAX_MEMORY);
        let Ok(expected) = expected else { break };
        assert_eq!((read, fields.len()), (Ok(()), expected.len()));
        for ((name, value), (expected_name, expected_value)) in fields.iter().zip(&expected) {
            // A table larger than what is kept makes fields unknown.
            let Some(name) = name else { continue };
            assert_eq!(name, expected_name);
            let value = value.as_ref().expect("a value");
            assert_eq!(kept(name, value), kept(name, expected_value));
        }
    }
});
