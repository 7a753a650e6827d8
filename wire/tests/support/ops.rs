//! Recorded calls, for decoders that are given bytes with their positions.
//!
//! A recording is a list of calls. Each begins with a byte: bit 0 is the direction (1: received), bits 1 and 2 the kind:
//! 0 bytes (u16 length, the bytes), 1 bytes that were not captured (u32 count), 2 bytes of which the first were given
//! before (u8 count, u16 length, the bytes), 3 bytes after a hole (u16 hole, u16 length, the bytes). Numbers are little
//! endian. What is cut off at the end is left out, so any bytes are a recording.

use std::collections::HashMap;

use wire::Decoder;
use wire::http::Direction;

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Bytes were captured at `position - back` after a hole of `hole`.
    Data { direction: Direction, back: u64, hole: u64, bytes: Vec<u8> },
    /// `count` bytes passed that were not captured.
    Gap { direction: Direction, count: u64 },
}

impl Op {
    /// Captured bytes that follow the last ones.
    pub fn data(direction: Direction, bytes: &[u8]) -> Self {
        Self::Data { direction, back: 0, hole: 0, bytes: bytes.to_vec() }
    }
}

/// Reads a recording.
pub fn decode(mut rest: &[u8]) -> Vec<Op> {
    let mut ops = Vec::new();
    while let Some(op) = decode_one(&mut rest) {
        ops.push(op);
    }
    ops
}

/// Makes the calls of a recording, call number `n` at time `n`, and closes the connection, which has to be silent from then on.
/// Captured bytes are given in pieces of `split`. `check` is given the connection and all facts after every call.
pub fn replay<D: Decoder>(
    connection: &mut D,
    ops: &[Op],
    split: usize,
    mut check: impl FnMut(&D, &[D::Fact]),
) -> Vec<D::Fact> {
    let mut positions = HashMap::from([(Direction::Sent, 0_u64), (Direction::Received, 0)]);
    let mut facts = Vec::new();
    let mut time = 0;
    for op in ops {
        time += 1;
        match op {
            Op::Data { direction, back, hole, bytes } => {
                let known = positions[direction];
                let mut position = (known + hole).saturating_sub(*back);
                for piece in bytes.chunks(split) {
                    connection.data(*direction, position, piece, time, &mut facts);
                    position += piece.len() as u64;
                }
                positions.insert(*direction, position.max(known));
            }
            Op::Gap { direction, count } => {
                let position = positions[direction] + count;
                connection.advanced(*direction, position, time, &mut facts);
                positions.insert(*direction, position);
            }
        }
        check(connection, &facts);
    }
    connection.closed(time + 1, &mut facts);
    check(connection, &facts);
    let count = facts.len();
    connection.closed(time + 2, &mut facts);
    connection.data(Direction::Sent, u64::MAX - 1, b"GET", time + 3, &mut facts);
    connection.advanced(Direction::Sent, u64::MAX, time + 3, &mut facts);
    assert_eq!(facts.len(), count, "a closed connection reports");
    facts
}

fn decode_one(rest: &mut &[u8]) -> Option<Op> {
    let kind = number(rest, 1)?;
    let direction = if kind & 1 == 1 { Direction::Received } else { Direction::Sent };
    if kind & 6 == 2 {
        return Some(Op::Gap { direction, count: number(rest, 4)? });
    }
    if kind & 6 == 0 {
        return Some(Op::data(direction, take(rest)?));
    }
    let back = if kind & 6 == 4 { number(rest, 1)? } else { 0 };
    let hole = if kind & 6 == 6 { number(rest, 2)? } else { 0 };
    Some(Op::Data { direction, back, hole, bytes: take(rest)?.to_vec() })
}

/// Bytes with their length before them.
fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(number(rest, 2)?).ok()?;
    let (bytes, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(bytes)
}

fn number(rest: &mut &[u8], width: usize) -> Option<u64> {
    let (digits, after) = rest.split_at_checked(width)?;
    *rest = after;
    Some(digits.iter().rev().fold(0, |number, &b| number << 8 | u64::from(b)))
}
