//! Shared by the tests and the fuzz target of HPACK: header blocks that do all that an encoder may, as a script of bytes asks
//! for, and what must hold when they are read. `loona-hpack` says what their fields are.

use std::collections::VecDeque;

use wire::http2::hpack::{Decoder, MAX_MEMORY, kept};

/// A header block and its fields.
pub type Block = (Vec<u8>, Vec<(Vec<u8>, Vec<u8>)>);

/// Names that are written out: of some of these fields the table keeps the value, of others not.
const NAMES: [&str; 8] =
    [":path", "x-custom", "location", "authorization", "cookie", ":authority", "a", "x-long-name-of-a-field"];
/// Places in the static table and the lengths of their names.
const STATIC: [(usize, usize); 7] = [(4, 5), (28, 14), (46, 8), (38, 4), (61, 16), (1, 10), (23, 13)];

/// The encoder's side of the dynamic table: as much as it takes to send no index that is wrong.
struct Table {
    /// Lengths of name and value, newest first.
    entries: VecDeque<(usize, usize)>,
    size: usize,
    limit: usize,
}

impl Table {
    fn insert(&mut self, name: usize, value: usize) {
        self.entries.push_front((name, value));
        self.size += name + value + 32;
        self.evict();
    }

    fn evict(&mut self) {
        while self.size > self.limit {
            let (name, value) = self.entries.pop_back().expect("an entry");
            self.size -= name + value + 32;
        }
    }
}

/// The blocks that a script asks for. Each step is two bytes; any bytes are a script.
pub fn blocks(script: &[u8]) -> Vec<Block> {
    let mut oracle = loona_hpack::Decoder::new();
    let mut table = Table { entries: VecDeque::new(), size: 0, limit: 4096 };
    let mut blocks = Vec::new();
    let (mut block, mut fields) = (Vec::new(), 0);
    for step in script.chunks_exact(2) {
        let (step, operand) = (step[0], usize::from(step[1]));
        match step % 8 {
            0 if fields > 0 => {
                let read = oracle.decode(&block).expect("the encoder is right");
                assert_eq!(read.len(), fields);
                blocks.push((std::mem::take(&mut block), read));
                fields = 0;
                continue;
            }
            // Sizes are chosen at the start of a block only.
            0 | 1 if fields == 0 => {
                table.limit = operand * 32;
                integer(&mut block, 5, 0x20, table.limit);
                table.evict();
                continue;
            }
            2 | 3 if !table.entries.is_empty() => {
                integer(&mut block, 7, 0x80, 62 + operand % table.entries.len());
            }
            4 => integer(&mut block, 7, 0x80, 1 + operand % 61),
            5 => drop(literal(&mut block, 4, 0x00, operand, step, &table)),
            6 => drop(literal(&mut block, 4, 0x10, operand, step, &table)),
            _ => {
                let (name, value) = literal(&mut block, 6, 0x40, operand, step, &table);
                table.insert(name, value);
            }
        }
        fields += 1;
    }
    blocks
}

/// Writes a literal and tells the lengths of its name and value.
fn literal(
    block: &mut Vec<u8>,
    prefix: u32,
    mark: u8,
    operand: usize,
    step: u8,
    table: &Table,
) -> (usize, usize) {
    let name = match step / 8 % 3 {
        0 => {
            let (index, length) = STATIC[operand % STATIC.len()];
            integer(block, prefix, mark, index);
            length
        }
        1 if !table.entries.is_empty() => {
            let place = operand % table.entries.len();
            integer(block, prefix, mark, 62 + place);
            table.entries[place].0
        }
        _ => {
            let name = NAMES[operand % NAMES.len()];
            integer(block, prefix, mark, 0);
            integer(block, 7, 0, name.len());
            block.extend(name.as_bytes());
            name.len()
        }
    };
    // Some are larger than the usual table.
    let length = if operand > 250 { operand * 20 } else { operand };
    integer(block, 7, 0, length);
    block.extend(std::iter::repeat_n(b'a' + step % 26, length));
    (name, length)
}

/// Writes an integer (RFC 7541 section 5.1).
fn integer(block: &mut Vec<u8>, prefix: u32, mark: u8, value: usize) {
    let byte = |number: usize| u8::try_from(number).expect("a byte");
    let most = (1 << prefix) - 1;
    if value < most {
        return block.push(mark | byte(value));
    }
    block.push(mark | byte(most));
    let mut rest = value - most;
    while rest >= 128 {
        block.push(byte(rest % 128 + 128));
        rest /= 128;
    }
    block.push(byte(rest));
}

/// Reads the blocks from the start, and joined late at each of them: what is known is what the oracle says. Returns how many
/// fields were unknown to those that joined late.
pub fn check(blocks: &[Block]) -> u64 {
    assert_eq!(read(Decoder::opened(), blocks), 0, "a decoder that was there from the start knows all");
    (0..blocks.len()).map(|joined| read(Decoder::new(), &blocks[joined..])).sum()
}

fn read(mut decoder: Decoder, blocks: &[Block]) -> u64 {
    let mut total = 0;
    for (block, fields) in blocks {
        let (mut at, mut unknown) = (0, 0);
        decoder
            .decode(block, &mut |header| {
                let (name, value) = &fields[at];
                at += 1;
                assert!(header.name.is_none_or(|known| known == name), "a wrong name");
                // Whatever is not known of the name is not known of the value's use.
                let same = |known| kept(name, known) == kept(name, value);
                assert!(header.name.is_none() || header.value.is_some_and(same), "a wrong value");
                assert!(header.value.is_none_or(|known| header.name.is_some() || known == value));
                unknown += u64::from(header.name.is_none());
            })
            .expect("a block that is right");
        assert_eq!(at, fields.len());
        assert_eq!(decoder.take_unknown(), unknown);
        assert!(decoder.memory() <= MAX_MEMORY);
        total += unknown;
    }
    total
}
