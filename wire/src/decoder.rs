//! What the decoders of byte streams have in common.

use crate::http::Direction;

/// A decoder that is given the bytes of both directions of one connection, with their positions.
///
/// Calls follow the order in which the kernel reported I/O; times are in nanoseconds.
pub trait Decoder {
    /// What it tells.
    type Fact;

    /// Bytes that passed in `direction`, the first of them at stream position `position`, at `time`. Positions that were passed
    /// before are ignored; bytes left out before `position` are a hole.
    fn data(
        &mut self,
        direction: Direction,
        position: u64,
        bytes: &[u8],
        time: u64,
        facts: &mut Vec<Self::Fact>,
    );

    /// The stream in `direction` has reached `position`: the bytes before it that were not given to [`data`](Self::data) were
    /// counted but not captured. `time` is that of the last of them.
    fn advanced(&mut self, direction: Direction, position: u64, time: u64, facts: &mut Vec<Self::Fact>);

    /// Nothing more comes in either direction. Ends what has not ended.
    fn closed(&mut self, time: u64, facts: &mut Vec<Self::Fact>);
}
