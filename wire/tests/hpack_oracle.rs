//! HPACK against `loona-hpack`: whole connections, each of their suffixes, and arbitrary bytes.

#[path = "support/hpack.rs"]
mod support;

use proptest::collection::vec;
use proptest::prelude::*;
use support::{blocks, check};
use wire::http2::hpack::Decoder;

/// What the oracle's own encoder makes of lists of fields.
fn encoded(lists: &[Vec<(&str, String)>]) -> Vec<support::Block> {
    let (mut encoder, mut decoder) = (loona_hpack::Encoder::new(), loona_hpack::Decoder::new());
    lists
        .iter()
        .map(|list| {
            let block = encoder.encode(list.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())));
            let fields = decoder.decode(&block).expect("its own block");
            (block, fields)
        })
        .collect()
}

const NAMES: [&str; 6] = [":path", ":authority", "x-a", "x-b", "x-c", "authorization"];

proptest! {
    // Failures are mended and get a test of their own; a file of seeds would say nothing to the reader.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_known_is_right_from_any_block_on(script in vec(any::<u8>(), 0..400)) {
        check(&blocks(&script));
    }

    #[test]
    fn what_is_known_of_the_oracles_own_blocks_is_right(
        lists in vec(vec((prop::sample::select(&NAMES[..]), "[a-z/]{0,400}"), 1..6), 1..12),
    ) {
        check(&encoded(&lists));
    }

    #[test]
    fn any_bytes_are_read_as_the_oracle_reads_them(block in vec(any::<u8>(), 0..200)) {
        let oracle = loona_hpack::Decoder::new().decode(&block);
        let mut fields = Vec::new();
        let read = Decoder::opened().decode(&block, &mut |header| {
            fields.push((header.name.expect("a name").to_vec(), header.value.map(<[u8]>::to_vec)));
        });
        if let Ok(oracle) = oracle {
            prop_assert_eq!(read, Ok(()));
            prop_assert_eq!(fields.len(), oracle.len());
        }
    }

    #[test]
    fn any_string_is_read_as_the_oracle_reads_it(text in vec(any::<u8>(), 0..60)) {
        let mut block = vec![0x00, 1, b'x', 0x80 | u8::try_from(text.len()).expect("short")];
        block.extend(&text);
        let oracle = loona_hpack::Decoder::new().decode(&block);
        let mut value = None;
        let read = Decoder::opened().decode(&block, &mut |header| value = header.value.map(<[u8]>::to_vec));
        prop_assert_eq!(read.is_ok(), oracle.is_ok());
        if let Ok(oracle) = oracle {
            prop_assert_eq!(value.as_ref(), Some(&oracle[0].1));
        }
    }
}
