//! The Huffman code for strings (RFC 7541 section 5.2 and appendix B).
//!
//! The code is canonical: codes of one length are consecutive in the order of their symbols, and the first of each length
//! follows from the ones before. So the lengths say it all.

/// Length of each symbol's code; the last symbol is EOS.
#[rustfmt::skip]
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
];

const SHORTEST: usize = 5;
const LONGEST: usize = 30;
const EOS: u16 = 256;

/// The codes of one length.
#[derive(Clone, Copy)]
struct Rank {
    /// The smallest 32-bit number, code in its top bits, that begins with a longer code.
    limit: u64,
    /// The first code.
    first: u32,
    /// Place of its symbol in [`Code::symbols`].
    place: u16,
}

struct Code {
    ranks: [Rank; LONGEST + 1],
    /// Symbols in the order of their codes.
    symbols: [u16; 257],
}

static CODE: Code = code();

const fn code() -> Code {
    let mut ranks = [Rank { limit: 0, first: 0, place: 0 }; LONGEST + 1];
    let mut symbols = [0; 257];
    let (mut next, mut place, mut length) = (0_u32, 0_u16, 1);
    while length <= LONGEST {
        next <<= 1;
        ranks[length].first = next;
        ranks[length].place = place;
        let mut symbol = 0;
        while symbol <= EOS {
            if LENGTHS[symbol as usize] as usize == length {
                symbols[place as usize] = symbol;
                place += 1;
                next += 1;
            }
            symbol += 1;
        }
        ranks[length].limit = (next as u64) << (32 - length);
        length += 1;
    }
    Code { ranks, symbols }
}

/// The string is not one in this code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotHuffman;

/// Appends the decoded string. At most 8 / 5 of the bytes come out.
pub(super) fn decode(bytes: &[u8], decoded: &mut Vec<u8>) -> Result<(), NotHuffman> {
    decoded.reserve(bytes.len() * 8 / SHORTEST);
    // The bits not decoded yet are the lowest `count` of `bits`.
    let (mut bits, mut count) = (0_u64, 0);
    for &byte in bytes {
        bits = bits << 8 | u64::from(byte);
        count += 8;
        while count >= LONGEST {
            let (symbol, length) = first(window(bits, count));
            if symbol == EOS {
                return Err(NotHuffman);
            }
            decoded.push(symbol.to_le_bytes()[0]);
            count -= length;
        }
    }
    loop {
        let window = window(bits, count);
        let (symbol, length) = first(window);
        // The end is padded with the first bits of EOS, which are ones, to a whole byte and not further.
        if length > count {
            let padding = u64::from(u32::MAX) << (32 - count) & u64::from(u32::MAX);
            return if count < 8 && window == padding { Ok(()) } else { Err(NotHuffman) };
        }
        if symbol == EOS {
            return Err(NotHuffman);
        }
        decoded.push(symbol.to_le_bytes()[0]);
        count -= length;
    }
}

/// The next bits as the top of a 32-bit number, zeros behind the last.
fn window(bits: u64, count: usize) -> u64 {
    let bits = if count >= 32 { bits >> (count - 32) } else { bits << (32 - count) };
    bits & u64::from(u32::MAX)
}

/// The symbol at the top of `window` and the length of its code.
fn first(window: u64) -> (u16, usize) {
    let mut length = SHORTEST;
    while length < LONGEST && window >= CODE.ranks[length].limit {
        length += 1;
    }
    let rank = &CODE.ranks[length];
    // Below 2^30, as the code is that long at most.
    let code = u32::try_from(window >> (32 - length)).unwrap_or(u32::MAX);
    let place = usize::from(rank.place) + (code - rank.first) as usize;
    (CODE.symbols.get(place).copied().unwrap_or(EOS), length)
}

#[cfg(test)]
mod tests;
