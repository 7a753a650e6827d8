//! Both directions of one connection: frames, header blocks, and the streams that they belong to.

use super::block::{Block, FieldList, Purpose, Shape};
use super::frame::{FrameHead, kind};
use super::hpack::Decoder;
use super::stream::Streams;
use crate::http::{Direction, Fact, Role, Unparsed};

/// The HTTP/2 decoder of one connection.
///
/// Calls follow the order of the frames in each direction. Between the directions there is no order that could be relied on:
/// a response may be told before its request, which is then waited for.
///
/// An exchange is a stream that the client opened, and has its number. It ends where the stream of the response ends.
///
/// Memory is bounded: of each direction 64 KiB of an unfinished header block and [`MAX_MEMORY`](super::hpack::MAX_MEMORY) of
/// HPACK's table, 1,024 requests in flight, and 32 responses that wait for their request.
#[derive(Debug, Default)]
pub struct Connection {
    pub(super) role: Option<Role>,
    received: Side,
    sent: Side,
    pub(super) streams: Streams,
    /// Whether frames may have passed unseen.
    pub(super) late: bool,
    /// Time of the latest frame.
    last_time: u64,
    closed: bool,
}

/// One direction.
#[derive(Debug)]
struct Side {
    decoder: Decoder,
    block: Option<Block>,
    /// The last stream of the other side that this one deals with (`GOAWAY`, RFC 9113 section 6.8).
    last_accepted: u32,
}

impl Default for Side {
    fn default() -> Self {
        Self { decoder: Decoder::new(), block: None, last_accepted: u32::MAX }
    }
}

impl Connection {
    /// A connection that was perhaps joined in the middle: whatever came before the first call is unknown.
    pub fn new() -> Self {
        Self { late: true, ..Self::default() }
    }

    /// A connection that is seen from its first frame in both directions.
    pub fn opened() -> Self {
        let side = || Side { decoder: Decoder::opened(), ..Side::default() };
        Self { received: side(), sent: side(), ..Self::default() }
    }

    /// What the watched process is on this connection; `None` until a head was seen that tells.
    pub fn role(&self) -> Option<Role> {
        self.role
    }

    /// Requests whose exchange has not ended.
    pub fn in_flight(&self) -> usize {
        self.streams.asked()
    }

    /// Captured bytes that are kept in memory: of header blocks and in the tables of HPACK.
    pub fn buffered(&self) -> usize {
        [&self.received, &self.sent]
            .map(|side| side.block.as_ref().map_or(0, Block::len) + side.decoder.memory())
            .iter()
            .sum()
    }

    /// How many header fields were unknown since this was last asked, because they refer to what was not seen.
    pub fn take_unknown(&mut self) -> u64 {
        self.received.decoder.take_unknown() + self.sent.decoder.take_unknown()
    }

    /// A frame passed in `direction` at `time` (nanoseconds). `payload` is the captured part of its payload, from the start.
    pub fn frame(
        &mut self,
        direction: Direction,
        head: &FrameHead,
        payload: &[u8],
        time: u64,
        facts: &mut Vec<Fact>,
    ) {
        if self.closed {
            return;
        }
        self.last_time = self.last_time.max(time);
        let length = usize::try_from(head.length).unwrap_or(usize::MAX);
        let payload = payload.get(..length).unwrap_or(payload);
        if let Some(mut block) = self.side(direction).block.take() {
            if head.kind == kind::CONTINUATION && head.stream() == block.purpose.stream {
                block.extend(*head, payload);
                return self.go_on(direction, *head, block, facts);
            }
            // No other frame may come before the end of the block (RFC 9113 section 6.10): that one was missed.
            block.cut();
            self.finish_block(direction, &block, facts);
        }
        match head.kind {
            kind::DATA => self.data(direction, *head, payload, time, facts),
            kind::HEADERS | kind::PUSH_PROMISE => self.begin_block(direction, *head, payload, time, facts),
            kind::CONTINUATION => {
                // The start of the block was missed.
                self.side(direction).decoder.forget();
                if head.ends_headers() {
                    facts.push(Fact::Unparsed { reason: Unparsed::Hole });
                }
            }
            kind::RST_STREAM => self.reset(direction, head.stream(), time, facts),
            kind::GOAWAY => self.go_away(direction, payload, time, facts),
            // Settings bound what the header blocks tell by themselves; see `hpack`.
            _ => {}
        }
    }

    /// Frames in `direction` were lost. What the header tables hold, and what became of the exchanges in flight, is not known
    /// from here on.
    pub fn lost(&mut self, direction: Direction, facts: &mut Vec<Fact>) {
        if self.closed {
            return;
        }
        self.late = true;
        let side = self.side(direction);
        side.decoder.forget();
        if side.block.take().is_some() {
            facts.push(Fact::Unparsed { reason: Unparsed::Hole });
        }
        self.streams.end_all(self.last_time, true, facts);
    }

    /// Nothing more comes in either direction. Ends every exchange that has not ended.
    pub fn closed(&mut self, time: u64, facts: &mut Vec<Fact>) {
        if std::mem::replace(&mut self.closed, true) {
            return;
        }
        for direction in [Direction::Received, Direction::Sent] {
            let side = std::mem::take(self.side(direction));
            let Some(Block { purpose, .. }) = side.block else { continue };
            let new = !purpose.promise && purpose.stream > self.streams.highest;
            if new && self.role.is_none_or(|role| role == Role::of_request(direction)) {
                facts.push(Fact::Unparsed { reason: Unparsed::HeadCut });
            }
        }
        self.streams.end_all(time, false, facts);
    }

    fn side(&mut self, direction: Direction) -> &mut Side {
        match direction {
            Direction::Received => &mut self.received,
            Direction::Sent => &mut self.sent,
        }
    }

    /// Whether responses travel in `direction`.
    fn answers(&self, direction: Direction) -> bool {
        self.role.is_some_and(|role| role != Role::of_request(direction))
    }

    /// The last stream that the server deals with.
    pub(super) fn last_accepted(&self) -> u32 {
        match self.role {
            Some(Role::Client) => self.received.last_accepted,
            Some(Role::Server) => self.sent.last_accepted,
            None => u32::MAX,
        }
    }

    fn begin_block(
        &mut self,
        direction: Direction,
        head: FrameHead,
        payload: &[u8],
        time: u64,
        facts: &mut Vec<Fact>,
    ) {
        let purpose = Purpose::of(head, time);
        if head.ends_headers() {
            // The usual case needs no copy.
            let (fragment, whole) = head.fragment(payload);
            let read = FieldList::read(fragment, whole, &mut self.side(direction).decoder);
            return self.take_block(direction, purpose, read, facts);
        }
        let mut block = Block::new(purpose);
        block.extend(head, payload);
        self.side(direction).block = Some(block);
    }

    fn go_on(&mut self, direction: Direction, head: FrameHead, block: Block, facts: &mut Vec<Fact>) {
        if head.ends_headers() {
            self.finish_block(direction, &block, facts);
        } else {
            self.side(direction).block = Some(block);
        }
    }

    fn finish_block(&mut self, direction: Direction, block: &Block, facts: &mut Vec<Fact>) {
        let read = block.read(&mut self.side(direction).decoder);
        self.take_block(direction, block.purpose, read, facts);
    }

    /// A header block has come to its end.
    fn take_block(
        &mut self,
        direction: Direction,
        purpose: Purpose,
        read: Result<FieldList, Unparsed>,
        facts: &mut Vec<Fact>,
    ) {
        let shape = read.as_ref().map_or(Shape::Unknown, FieldList::shape);
        // Only servers promise, and only clients open streams with odd numbers.
        let role = match shape {
            _ if purpose.promise => Some(Role::of_request(direction.opposite())),
            Shape::Request => Some(Role::of_request(direction)),
            Shape::Response => Some(Role::of_request(direction.opposite())),
            Shape::Neither | Shape::Unknown => None,
        };
        self.role = self.role.or(role);
        if purpose.promise || purpose.stream.is_multiple_of(2) {
            // What the server pushes is read for the sake of the table.
            if let (false, Ok(list)) = (purpose.promise, &read)
                && self.answers(direction)
                && shape == Shape::Response
            {
                Self::pushed(list, facts);
            }
            return;
        }
        match self.role {
            Some(role) if role == Role::of_request(direction) => self.ask(purpose, role, read, facts),
            Some(_) => self.answer(purpose, read, facts),
            // Neither side has shown itself: it may have been a request.
            None => match read {
                Ok(_) if shape == Shape::Neither => {}
                Ok(_) => facts.push(Fact::Unparsed { reason: Unparsed::HpackUnknown }),
                Err(reason) => facts.push(Fact::Unparsed { reason }),
            },
        }
    }

    fn data(
        &mut self,
        direction: Direction,
        head: FrameHead,
        payload: &[u8],
        time: u64,
        facts: &mut Vec<Fact>,
    ) {
        let number = head.stream();
        let answers = self.answers(direction);
        let Some(stream) = self.streams.get(number) else { return };
        let length = head.data_length(payload);
        let (bytes, exact) = (length.unwrap_or(head.length.into()), length.is_some());
        let captured = head.data(payload);
        if !answers {
            if stream.method().is_some() && bytes > 0 {
                facts.push(Fact::RequestBody { exchange: number, bytes });
                stream.tell(number, false, bytes, captured, facts);
            }
            return;
        }
        stream.body(number, bytes, exact, time, facts);
        stream.tell(number, true, bytes, captured, facts);
        if head.ends_stream() {
            self.streams.finish(number, time, facts);
        }
    }

    /// A stream is given up by either side (RFC 9113 section 6.4).
    fn reset(&mut self, direction: Direction, number: u32, time: u64, facts: &mut Vec<Fact>) {
        // A server may refuse a request that is not reported yet.
        if self.answers(direction) && !number.is_multiple_of(2) {
            self.streams.answered(number);
        }
        self.streams.give_up(number, time, facts);
    }

    /// The sender deals with no more streams than those up to the one that it names (RFC 9113 section 6.8).
    fn go_away(&mut self, direction: Direction, payload: &[u8], time: u64, facts: &mut Vec<Fact>) {
        let Some(last) = payload.first_chunk() else { return };
        let side = self.side(direction);
        side.last_accepted = side.last_accepted.min(u32::from_be_bytes(*last) & (u32::MAX >> 1));
        let last = side.last_accepted;
        if self.answers(direction) {
            self.streams.give_up_above(last, time, facts);
        }
    }
}

#[cfg(test)]
mod tests;
