use super::super::MAX_MEMORY;
use super::*;

/// What a block holds, `?` for what is not known.
fn read(decoder: &mut Decoder, block: &[u8]) -> Result<Vec<(String, String)>, Error> {
    let mut fields = Vec::new();
    let text = |bytes: Option<&[u8]>| bytes.map_or("?".into(), |b| String::from_utf8_lossy(b).into_owned());
    decoder.decode(block, &mut |header| fields.push((text(header.name), text(header.value))))?;
    Ok(fields)
}

fn fields(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|&(name, value)| (name.into(), value.into())).collect()
}

/// Inserts `:path`.
fn path(value: &str) -> Vec<u8> {
    let mut block = vec![0x44, u8::try_from(value.len()).expect("short")];
    block.extend(value.bytes());
    block
}

/// Refers to the newest entry, index 62.
const NEWEST: u8 = 0x80 | 0x3e;

#[test]
fn an_index_counts_from_the_newest_insertion() {
    for mut decoder in [Decoder::new(), Decoder::opened()] {
        let block = [&path("/1")[..], &path("/2"), &[NEWEST, NEWEST + 1]].concat();
        assert_eq!(
            read(&mut decoder, &block),
            Ok(fields(&[(":path", "/1"), (":path", "/2"), (":path", "/2"), (":path", "/1")]))
        );
    }
}

#[test]
fn what_came_before_the_join_is_unknown_until_it_is_gone() {
    let mut decoder = Decoder::new();
    assert_eq!(read(&mut decoder, &[NEWEST, 0x82]), Ok(fields(&[("?", "?"), (":method", "GET")])));
    // A literal whose name is an old one, inserted: its value is known, and of no use.
    assert_eq!(read(&mut decoder, &[0x40 | 0x3e, 1, b'x', NEWEST]), Ok(fields(&[("?", "x"), ("?", "?")])));
    assert_eq!(decoder.take_unknown(), 3);
    assert_eq!(read(&mut decoder, &path("/1")), Ok(fields(&[(":path", "/1")])));
    assert_eq!(read(&mut decoder, &[NEWEST, NEWEST + 1, NEWEST + 2]).map(|list| list.len()), Ok(3));
    assert_eq!(decoder.take_unknown(), 2);
    // A size in which only `/1` has room: what is older is gone for good.
    assert_eq!(read(&mut decoder, &[0x3f, 70 - 31, NEWEST]), Ok(fields(&[(":path", "/1")])));
    assert_eq!(read(&mut decoder, &[NEWEST + 1]), Err(Error::Index));
}

#[test]
fn a_size_in_which_nothing_else_has_room_tells_that_nothing_else_is_there() {
    let mut decoder = Decoder::new();
    assert_eq!(read(&mut decoder, &path("/1")), Ok(fields(&[(":path", "/1")])));
    assert_eq!(read(&mut decoder, &[0x3f, 71 - 31, NEWEST + 1]), Ok(fields(&[("?", "?")])));
    assert_eq!(read(&mut decoder, &[0x3f, 70 - 31, NEWEST + 1]), Err(Error::Index));
}

#[test]
fn eviction_is_exact_from_the_start() {
    let mut decoder = Decoder::opened();
    // Two entries of 39 bytes fit into 78.
    let block = [&[0x3f, 78 - 31][..], &path("/1"), &path("/2"), &[NEWEST + 1]].concat();
    assert!(read(&mut decoder, &block).is_ok());
    let block = [&path("/3")[..], &[NEWEST, NEWEST + 1]].concat();
    assert_eq!(read(&mut decoder, &block), Ok(fields(&[(":path", "/3"), (":path", "/3"), (":path", "/2")])));
    assert_eq!(read(&mut decoder, &[NEWEST + 2]), Err(Error::Index));
}

#[test]
fn an_entry_larger_than_the_table_empties_it() {
    let mut decoder = Decoder::opened();
    let block = [&[0x3f, 78 - 31][..], &path("/1"), &path(&"x".repeat(80))].concat();
    assert!(read(&mut decoder, &block).is_ok());
    assert_eq!(read(&mut decoder, &[NEWEST]), Err(Error::Index));
    // Joined late, where the size is not known, the indices of what follows are right all the same.
    let mut decoder = Decoder::new();
    let block = [&path(&"x".repeat(80))[..], &path("/2"), &[NEWEST]].concat();
    assert_eq!(read(&mut decoder, &block).map(|list| list[2].1.clone()), Ok("/2".into()));
}

#[test]
fn an_error_makes_what_was_inserted_unknown() {
    let mut decoder = Decoder::opened();
    assert_eq!(read(&mut decoder, &[&path("/1")[..], &[0x80]].concat()), Err(Error::Index));
    assert_eq!(read(&mut decoder, &[NEWEST]), Ok(fields(&[("?", "?")])));
    for (block, error) in [
        (&[0x80][..], Error::Index),
        (&[NEWEST], Error::Index),
        (&[0x44, 5, b'/'], Error::Incomplete),
        (&[0x44], Error::Incomplete),
        (&[0xff], Error::Incomplete),
        (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], Error::Integer),
        (&[0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], Error::Integer),
        (&[0x44, 0x81, 0xff], Error::Huffman),
    ] {
        assert_eq!(read(&mut Decoder::opened(), block), Err(error), "{block:?}");
    }
}

#[test]
fn secrets_are_not_kept() {
    let mut decoder = Decoder::opened();
    let literal = |name: u8, value: &str| {
        let mut block = vec![0x40 | name, u8::try_from(value.len()).expect("short")];
        block.extend(value.bytes());
        block
    };
    // `authorization` and `cookie`.
    assert!(read(&mut decoder, &literal(23, "Bearer secret")).is_ok());
    assert!(read(&mut decoder, &literal(23, "secret")).is_ok());
    assert!(read(&mut decoder, &literal(32, "secret")).is_ok());
    let list = [("cookie", ""), ("authorization", "?"), ("authorization", "bearer")];
    assert_eq!(read(&mut decoder, &[NEWEST, NEWEST + 1, NEWEST + 2]), Ok(fields(&list)));
    assert!(!format!("{decoder:?}").contains("secret"));
}

#[test]
fn memory_has_a_bound_whatever_size_the_peer_chooses() {
    let mut decoder = Decoder::opened();
    // 1 MiB.
    assert!(read(&mut decoder, &[0x3f, 0xe1, 0xff, 0x3f]).is_ok());
    for number in 0..2000 {
        assert!(read(&mut decoder, &path(&format!("/{number:0100}"))).is_ok());
        assert!(decoder.memory() <= MAX_MEMORY);
    }
    assert_eq!(read(&mut decoder, &[NEWEST]).map(|list| list[0].1.len()), Ok(101));
    // One that was inserted about a thousand before it.
    assert_eq!(read(&mut decoder, &[0xff, 0xe8, 0x07]), Ok(fields(&[("?", "?")])));
}
