//! Recorded calls, for decoders that are given bytes with their positions.
//!
//! A recording is a list of calls. Each begins with a byte: bit 0 is the direction (1: received), bits 1 and 2 the kind:
//! 0 bytes (u16 length, the bytes), 1 bytes that were not captured (u32 count), 2 bytes of which the first were given
//! before (u8 count, u16 length, the bytes), 3 bytes after a hole (u16 hole, u16 length, the bytes). Numbers are little
//! endian. What is cut off at the end is left out, so any bytes are a recording.

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
