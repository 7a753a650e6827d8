//! The oracle is `prost`: what it encodes is read here.

use std::collections::BTreeMap;

use proptest::prelude::*;
use prost::Message as _;

use super::*;

#[derive(Clone, PartialEq, prost::Message)]
struct Everything {
    #[prost(uint64, tag = "1")]
    number: u64,
    #[prost(fixed64, tag = "2")]
    eight: u64,
    #[prost(string, tag = "3")]
    text: String,
    #[prost(bytes = "vec", tag = "4")]
    bytes: Vec<u8>,
    #[prost(fixed32, tag = "15")]
    four: u32,
    #[prost(int32, tag = "16")]
    negative: i32,
    #[prost(message, optional, boxed, tag = "100")]
    inner: Option<Box<Self>>,
    #[prost(uint64, repeated, tag = "2047")]
    packed: Vec<u64>,
    #[prost(btree_map = "string, string", tag = "536870911")]
    map: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Entry {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    value: String,
}

/// The fields that a reader must see, by what `prost` was given.
fn expected(message: &Everything) -> Vec<(u32, Owned)> {
    let mut fields = Vec::new();
    let mut add = |number, value, there: bool| {
        if there {
            fields.push((number, value));
        }
    };
    add(1, Owned::Varint(message.number), message.number != 0);
    add(2, Owned::Fixed64(message.eight), message.eight != 0);
    add(3, Owned::Bytes(message.text.clone().into_bytes()), !message.text.is_empty());
    add(4, Owned::Bytes(message.bytes.clone()), !message.bytes.is_empty());
    add(15, Owned::Fixed32(message.four), message.four != 0);
    // Sign-extended to ten bytes ("Encoding", "More Integer Types").
    add(16, Owned::Varint(i64::from(message.negative).cast_unsigned()), message.negative != 0);
    if let Some(inner) = &message.inner {
        add(100, Owned::Bytes(inner.encode_to_vec()), true);
    }
    let mut packed = Vec::new();
    for &number in &message.packed {
        prost::encode_length_delimiter(usize::try_from(number).unwrap(), &mut packed).unwrap();
    }
    add(2047, Owned::Bytes(packed), !message.packed.is_empty());
    for (key, value) in &message.map {
        let entry = Entry { key: key.clone(), value: value.clone() };
        add(536_870_911, Owned::Bytes(entry.encode_to_vec()), true);
    }
    fields
}

#[derive(Clone, Debug, PartialEq)]
enum Owned {
    Varint(u64),
    Fixed64(u64),
    Bytes(Vec<u8>),
    Fixed32(u32),
}

fn owned((number, value): (u32, Value<'_>)) -> (u32, Owned) {
    let value = match value {
        Value::Varint(value) => Owned::Varint(value),
        Value::Fixed64(value) => Owned::Fixed64(value),
        Value::Bytes(Bytes { bytes, whole }) => {
            assert!(whole);
            Owned::Bytes(bytes.to_vec())
        }
        Value::Fixed32(value) => Owned::Fixed32(value),
    };
    (number, value)
}

fn everything() -> impl Strategy<Value = Everything> {
    let flat = (
        any::<u64>(),
        any::<u64>(),
        ".{0,8}",
        prop::collection::vec(any::<u8>(), 0..200),
        any::<u32>(),
        any::<i32>(),
        prop::collection::vec(any::<u64>(), 0..4),
        prop::collection::btree_map(".{0,3}", ".{0,3}", 0..3),
    )
        .prop_map(|(number, eight, text, bytes, four, negative, packed, map)| Everything {
            number,
            eight,
            text,
            bytes,
            four,
            negative,
            inner: None,
            packed,
            map,
        });
    (flat.clone(), prop::option::of(flat))
        .prop_map(|(outer, inner)| Everything { inner: inner.map(Box::new), ..outer })
}

proptest! {
    #[test]
    fn what_prost_encodes_is_read(message in everything()) {
        let bytes = message.encode_to_vec();
        let mut fields = Fields::of(&bytes, true);
        let read: Vec<_> = fields.by_ref().map(owned).collect();
        prop_assert_eq!(read, expected(&message));
        prop_assert!(fields.is_whole() && !fields.is_malformed());
    }

    #[test]
    fn a_cut_message_gives_what_is_before_the_cut(message in everything()) {
        let bytes = message.encode_to_vec();
        let all = expected(&message);
        for end in 0..=bytes.len() {
            let mut fields = Fields::of(&bytes[..end], false);
            let mut seen = 0;
            for (number, value) in &mut fields {
                match (value, &all[seen]) {
                    (Value::Bytes(cut), (expected, Owned::Bytes(full))) if !cut.whole => {
                        prop_assert_eq!(number, *expected);
                        prop_assert!(full.starts_with(cut.bytes) && full.len() > cut.bytes.len());
                        prop_assert_eq!(cut.text(), None);
                        prop_assert!(!cut.is_empty());
                    }
                    (value, expected) => prop_assert_eq!(&owned((number, value)), expected),
                }
                seen += 1;
            }
            prop_assert!(!fields.is_whole() && !fields.is_malformed());
            // Nothing more: not even of what ends with the bytes.
            prop_assert!(fields.next().is_none());
            // Where the last byte is there, so are all fields.
            prop_assert!(end < bytes.len() || seen == all.len());
        }
    }

    #[test]
    fn bytes_of_any_kind_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), whole: bool) {
        let mut fields = Fields::of(&bytes, whole);
        let read: Vec<_> = fields.by_ref().collect();
        prop_assert!(read.len() <= bytes.len());
        let in_values: usize = read.iter().map(|(_, value)| match value {
            Value::Bytes(value) => value.bytes.len(),
            _ => 0,
        }).sum();
        prop_assert!(in_values <= bytes.len());
        prop_assert!(!fields.is_whole() || whole && !fields.is_malformed());
        // What is refused here, `prost` refuses too, but for groups.
        if fields.is_malformed() && whole && !bytes.iter().any(|byte| matches!(byte & 7, 3 | 4)) {
            prop_assert!(Entry::decode(&bytes[..]).is_err());
        }
    }
}

fn read(bytes: &[u8], whole: bool) -> (usize, bool, bool) {
    let mut fields = Fields::of(bytes, whole);
    let count = fields.by_ref().count();
    (count, fields.is_whole(), fields.is_malformed())
}

#[test]
fn an_empty_message_is_a_message() {
    assert_eq!(read(b"", true), (0, true, false));
    assert_eq!(read(b"", false), (0, false, false));
}

#[test]
fn what_is_no_message_is_told() {
    // Field 0; field 2^29; a varint of eleven bytes; one of more than 64 bits; wire types 6 and 7; groups.
    let number = [0x80, 0x80, 0x80, 0x80, 0x10, 0];
    let long = [8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
    let large = [8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2];
    for bytes in [&[0, 0][..], &number, &long, &large, &[14], &[15], &[11, 8, 1, 12], &[12]] {
        for whole in [true, false] {
            assert_eq!(read(bytes, whole), (0, false, true), "{bytes:?}");
        }
    }
    // The largest number of a field, and the largest value, are none of these.
    assert_eq!(read(&[0xf8, 0xff, 0xff, 0xff, 0x0f, 0], true), (1, true, false));
    assert_eq!(read(&[8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], true), (1, true, false));
}

#[test]
fn a_whole_message_does_not_end_within_a_field() {
    for bytes in [&[8][..], &[9, 1, 2], &[10], &[10, 2, b'a'], &[13, 1], &[0x80]] {
        assert_eq!(read(bytes, true), (0, false, true), "{bytes:?}");
        let cut = usize::from(bytes.starts_with(&[10, 2]));
        assert_eq!(read(bytes, false), (cut, false, false), "{bytes:?}");
    }
}

#[test]
fn a_length_of_more_than_two_gigabytes_is_none() {
    assert_eq!(read(&[10, 0xff, 0xff, 0xff, 0xff, 7, b'a'], false), (1, false, false));
    assert_eq!(read(&[10, 0x80, 0x80, 0x80, 0x80, 8, b'a'], false), (0, false, true));
}

#[test]
fn text_is_bounded_and_utf8() {
    let long = "x".repeat(MAX_TEXT + 1);
    assert_eq!(Bytes { bytes: long.as_bytes(), whole: true }.text(), None);
    assert_eq!(Bytes { bytes: &long.as_bytes()[1..], whole: true }.text(), Some(&long[1..]));
    assert_eq!(Bytes { bytes: b"\xff", whole: true }.text(), None);
}

#[test]
fn values_are_not_shown() {
    let shown = format!("{:?}", Fields::of(b"\x0a\x06secret\x08\x2a", true).collect::<Vec<_>>());
    assert_eq!(shown, "[(1, Bytes(6 bytes, whole: true)), (1, Varint)]");
}
