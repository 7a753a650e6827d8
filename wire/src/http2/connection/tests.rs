use super::super::hpack::MAX_MEMORY;
use super::*;
use crate::http::Framing;
use crate::http::shown::{contents, lines};
use Direction::{Received, Sent};

mod content;
mod loss;
mod order;

const END_STREAM: u8 = 0x01;
const END_HEADERS: u8 = 0x04;
const PADDED: u8 = 0x08;
const PRIORITY: u8 = 0x20;

/// A client's connection under test: calls in order, each one nanosecond after the last. Header blocks are made by
/// `loona-hpack`.
struct Driver {
    connection: Connection,
    encoders: [loona_hpack::Encoder<'static>; 2],
    time: u64,
    facts: Vec<Fact>,
}

type List<'a> = &'a [(&'a str, &'a str)];

const GET: List<'static> =
    &[(":method", "GET"), (":path", "/a"), (":scheme", "http"), (":authority", "h.example")];
const OK_3: List<'static> = &[(":status", "200"), ("content-length", "3")];
const OK: List<'static> = &[(":status", "200")];

impl Driver {
    fn new(connection: Connection) -> Self {
        let encoders = [loona_hpack::Encoder::new(), loona_hpack::Encoder::new()];
        Self { connection, encoders, time: 0, facts: Vec::new() }
    }

    fn opened() -> Self {
        Self::new(Connection::opened())
    }

    fn block(&mut self, direction: Direction, list: List<'_>) -> Vec<u8> {
        let encoder = &mut self.encoders[usize::from(direction == Sent)];
        encoder.encode(list.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())))
    }

    fn raw(&mut self, direction: Direction, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> &mut Self {
        let length = u32::try_from(payload.len()).expect("short");
        self.cut(direction, FrameHead { length, kind, flags, stream }, payload)
    }

    /// A frame of which only `payload` was captured.
    fn cut(&mut self, direction: Direction, head: FrameHead, payload: &[u8]) -> &mut Self {
        self.time += 1;
        self.connection.frame(direction, &head, payload, self.time, &mut self.facts);
        self
    }

    fn head(&mut self, direction: Direction, stream: u32, list: List<'_>, flags: u8) -> &mut Self {
        let block = self.block(direction, list);
        self.raw(direction, kind::HEADERS, flags | END_HEADERS, stream, &block)
    }

    fn ask(&mut self, stream: u32) -> &mut Self {
        self.head(Sent, stream, GET, END_STREAM)
    }

    /// Body bytes that were not captured.
    fn data(&mut self, direction: Direction, stream: u32, length: u32, flags: u8) -> &mut Self {
        self.cut(direction, FrameHead { length, kind: kind::DATA, flags, stream }, &[])
    }

    fn reset(&mut self, direction: Direction, stream: u32) -> &mut Self {
        self.raw(direction, kind::RST_STREAM, 0, stream, &8_u32.to_be_bytes())
    }

    fn go_away(&mut self, last: u32) -> &mut Self {
        self.raw(Received, kind::GOAWAY, 0, 0, &[last.to_be_bytes(), [0; 4]].concat())
    }

    fn closed(&mut self) -> &mut Self {
        self.time += 1;
        self.connection.closed(self.time, &mut self.facts);
        self
    }

    /// The facts since the last look, in short. Stream first; times behind `@`.
    fn look(&mut self) -> String {
        lines(self.facts.drain(..))
    }

    /// What the bodies held since the last look.
    fn contents(&mut self) -> String {
        contents(self.facts.drain(..))
    }
}

#[test]
fn streams_are_exchanges() {
    let mut d = Driver::opened();
    d.ask(1).ask(3).head(Received, 3, OK_3, 0).head(Received, 1, OK, 0).data(Received, 1, 1000, 0);
    assert_eq!((d.connection.in_flight(), d.connection.role()), (2, Some(Role::Client)));
    d.data(Received, 3, 3, END_STREAM).data(Received, 1, 24, END_STREAM);
    assert_eq!(
        d.look(),
        "1 GET /a @1, 3 GET /a @2, 3 200 @3, 1 200 @4, 1 body 1000, 3 body 3, 3 Complete @6, 1 body 24, 1 Complete @7"
    );
    assert_eq!((d.connection.in_flight(), d.connection.take_unknown()), (0, 0));
}

#[test]
fn the_role_is_that_of_the_request() {
    let mut d = Driver::opened();
    d.head(Received, 1, GET, END_STREAM).head(Sent, 1, OK_3, 0).data(Sent, 1, 3, END_STREAM);
    assert_eq!(d.look(), "1 GET /a @1, 1 200 @2, 1 body 3, 1 Complete @3");
    assert_eq!(d.connection.role(), Some(Role::Server));
}

#[test]
fn bodies_are_counted_without_padding() {
    let mut d = Driver::opened();
    d.head(Sent, 1, &[(":method", "PUT"), (":path", "/a"), ("content-length", "5")], 0);
    d.raw(Sent, kind::DATA, PADDED, 1, &[2, b'a', b'b', b'c', 0, 0]).data(Sent, 1, 2, END_STREAM);
    d.head(Received, 1, OK_3, 0).raw(Received, kind::DATA, PADDED | END_STREAM, 1, &[1, b'a', b'b', b'c', 0]);
    assert_eq!(d.look(), "1 PUT /a @1, 1 sent 3, 1 sent 2, 1 200 @4, 1 body 3, 1 Complete @5");
    // How much of it is padding was not captured.
    d.ask(3).head(Received, 3, OK, 0).data(Received, 3, 9, PADDED | END_STREAM);
    assert_eq!(d.look(), "3 GET /a @6, 3 200 @7, 3 body 9, 3 Complete inexact @8");
}

#[test]
fn responses_without_a_body_end_with_their_stream() {
    let head: List<'_> = &[(":method", "HEAD"), (":path", "/a")];
    for (request, response) in [(head, OK_3), (GET, &[(":status", "204")]), (GET, &[(":status", "304")])] {
        let mut d = Driver::opened();
        d.head(Sent, 1, request, END_STREAM).head(Received, 1, response, END_STREAM);
        assert!(d.look().ends_with("1 Complete @2"));
        d.head(Sent, 3, request, END_STREAM).head(Received, 3, response, 0).data(Received, 3, 0, END_STREAM);
        assert!(d.look().ends_with("3 Complete @5"));
    }
}

#[test]
fn interim_responses_and_trailers_are_no_responses() {
    let mut d = Driver::opened();
    d.ask(1).head(Received, 1, &[(":status", "103")], 0).head(Received, 1, OK, 0).data(Received, 1, 5, 0);
    d.head(Received, 1, &[("grpc-status", "0")], END_STREAM);
    assert_eq!(d.look(), "1 GET /a @1, 1 200 @3, 1 body 5, 1 trailers ok, 1 Complete @5");
    // A call that fails at once, and one whose request has trailers.
    d.ask(3).head(Received, 3, &[(":status", "200"), ("grpc-status", "12")], END_STREAM);
    assert_eq!(d.look(), "3 GET /a @6, 3 200 @7, 3 Complete @7");
    d.head(Sent, 5, GET, 0).data(Sent, 5, 5, 0).head(Sent, 5, &[("x", "y")], END_STREAM);
    d.head(Received, 5, OK, END_STREAM);
    assert_eq!(d.look(), "5 GET /a @8, 5 sent 5, 5 200 @11, 5 Complete @11");
    d.ask(7).head(Received, 7, &[(":status", "100")], END_STREAM);
    assert_eq!(d.look(), "7 GET /a @12, bad_head, 7 Unknown @13");
}

#[test]
fn a_body_that_differs_from_its_length_is_cut() {
    for length in [2, 4] {
        let mut d = Driver::opened();
        d.ask(1).head(Received, 1, OK_3, 0).data(Received, 1, length, END_STREAM);
        assert!(d.look().ends_with("1 Cut @3"));
    }
}

#[test]
fn a_reset_cuts_what_is_not_complete() {
    let mut d = Driver::opened();
    d.ask(1).reset(Sent, 1).ask(3).head(Received, 3, OK, 0).data(Received, 3, 5, 0).reset(Received, 3);
    assert_eq!(d.look(), "1 GET /a @1, 1 Cut @2, 3 GET /a @3, 3 200 @4, 3 body 5, 3 Cut @6");
    // All that was announced had come.
    d.ask(5).head(Received, 5, OK_3, 0).data(Received, 5, 3, 0).reset(Sent, 5);
    assert_eq!(d.look(), "5 GET /a @7, 5 200 @8, 5 body 3, 5 Complete @9");
    // A server that does not want the rest of the request (RFC 9113 section 8.1).
    d.head(Sent, 7, GET, 0).head(Received, 7, OK, END_STREAM).reset(Received, 7).data(Sent, 7, 9, END_STREAM);
    assert_eq!(d.look(), "7 GET /a @11, 7 200 @12, 7 Complete @12");
    assert_eq!(d.connection.in_flight(), 0);
}

#[test]
fn go_away_ends_what_is_not_dealt_with() {
    let mut d = Driver::opened();
    d.ask(1).ask(3).ask(5).go_away(u32::MAX >> 1).go_away(3).ask(7).head(Received, 1, OK, END_STREAM);
    assert_eq!(
        d.look(),
        "1 GET /a @1, 3 GET /a @2, 5 GET /a @3, 5 Cut @5, 7 GET /a @6, 7 Cut @6, 1 200 @7, 1 Complete @7"
    );
    d.closed();
    assert_eq!(d.look(), "3 Cut @8");
}

#[test]
fn header_blocks_go_on_in_other_frames() {
    let mut d = Driver::opened();
    let block = d.block(Sent, GET);
    let padded = [&[1, 0, 0, 0, 0, 0][..], &block[..4], &[0]].concat();
    d.raw(Sent, kind::HEADERS, END_STREAM | PADDED | PRIORITY, 1, &padded);
    d.raw(Sent, kind::CONTINUATION, 0, 1, &block[4..6]).raw(Sent, kind::CONTINUATION, 0, 1, &[]);
    assert_eq!(d.connection.buffered(), 6);
    d.raw(Sent, kind::CONTINUATION, END_HEADERS, 1, &block[6..]).head(Received, 1, OK, END_STREAM);
    assert_eq!(d.look(), "1 GET /a @1, 1 200 @5, 1 Complete @5");
    d.raw(Sent, kind::HEADERS, 0, 3, &block[..4]).closed();
    assert_eq!(d.look(), "head_cut");
    assert_eq!(d.connection.buffered(), 0);
}

#[test]
fn a_flood_of_continuations_is_refused() {
    let mut d = Driver::opened();
    d.ask(1).raw(Sent, kind::HEADERS, END_STREAM, 3, &[0; 1000]).look();
    for _ in 0..1000 {
        d.raw(Sent, kind::CONTINUATION, 0, 3, &[0; 1000]);
        assert!(d.connection.buffered() <= 64 * 1024);
    }
    assert_eq!(d.look(), "");
    d.raw(Sent, kind::CONTINUATION, END_HEADERS, 3, &[]);
    assert_eq!(d.look(), "head_too_long");
    d.ask(5).head(Received, 3, OK, END_STREAM);
    assert_eq!(d.look(), "5 GET /a @1004");
    // One byte may stand for a long field.
    let mut d = Driver::opened();
    let mut block = d.block(Sent, &[(":path", &"/".repeat(2000)), ("x", &"y".repeat(2000))]);
    block.extend([0x80 | 0x3e].repeat(10_000));
    d.raw(Sent, kind::HEADERS, END_STREAM | END_HEADERS, 1, &block);
    assert_eq!(d.look(), "head_too_long");
    assert!(d.connection.buffered() <= MAX_MEMORY);
}

#[test]
fn what_is_pushed_is_read_and_not_counted() {
    let mut d = Driver::opened();
    d.ask(1).head(Received, 1, &[(":status", "200"), ("x-a", "1")], 0);
    let promised = d.block(Received, &[(":method", "GET"), (":path", "/pushed"), ("x-b", "2")]);
    d.raw(Received, kind::PUSH_PROMISE, END_HEADERS, 1, &[&[0, 0, 0, 2], &promised[..]].concat());
    d.head(Received, 2, &[(":status", "200"), ("x-b", "2")], 0).data(Received, 2, 9, END_STREAM);
    d.head(Received, 1, &[("x-a", "1"), ("x-b", "2")], END_STREAM);
    assert_eq!(d.look(), "1 GET /a @1, 1 200 @2, pushed, 1 Complete @6");
    assert_eq!(d.connection.take_unknown(), 0);
}

#[test]
fn a_tunnel_ends_its_exchange() {
    let connect: List<'_> = &[(":method", "CONNECT"), (":authority", "a.example:443")];
    let mut d = Driver::opened();
    d.head(Sent, 1, connect, 0).head(Received, 1, OK, 0).data(Received, 1, 9, 0).data(Sent, 1, 9, END_STREAM);
    d.data(Received, 1, 9, END_STREAM).head(Sent, 3, connect, 0).head(
        Received,
        3,
        &[(":status", "407")],
        END_STREAM,
    );
    assert_eq!(d.look(), "1 CONNECT  @1, 1 200 @2, 1 Complete @2, 3 CONNECT  @6, 3 407 @7, 3 Complete @7");
}

#[test]
fn requests_in_flight_have_a_bound() {
    let mut d = Driver::opened();
    for number in 0..1030 {
        d.ask(2 * number + 1);
    }
    assert_eq!(d.connection.in_flight(), 1024);
    assert!(
        d.look()
            .ends_with("2047 GET /a @1024, pipelined, pipelined, pipelined, pipelined, pipelined, pipelined")
    );
    // What is answered to those that are not remembered is nothing new.
    d.head(Received, 2059, OK, END_STREAM).head(Received, 1, OK, END_STREAM);
    assert_eq!(d.look(), "1 200 @1032, 1 Complete @1032");
}

#[test]
fn heads_that_are_none_are_counted_once() {
    let mut d = Driver::opened();
    d.head(Sent, 1, &[(":method", "GET")], END_STREAM).head(Received, 1, OK, END_STREAM);
    assert_eq!(d.look(), "bad_head");
    d.ask(3).head(Received, 3, &[("x", "y")], 0).data(Received, 3, 5, 0).head(
        Received,
        3,
        &[("x", "y")],
        END_STREAM,
    );
    assert_eq!(d.look(), "3 GET /a @3, bad_head, 3 Unknown @6");
    d.ask(5).raw(Received, kind::HEADERS, END_HEADERS | END_STREAM, 5, &[0x80]);
    assert_eq!(d.look(), "5 GET /a @7, bad_head, 5 Unknown @8");
    // A block that ends inside a field.
    d.raw(Sent, kind::HEADERS, END_HEADERS | END_STREAM, 9, &[0x82, 0x84, 0x86, 0x04]);
    assert_eq!(d.look(), "bad_head");
    // What pads more than there is.
    d.raw(Sent, kind::HEADERS, END_HEADERS | PADDED, 11, &[200, 0x82]);
    assert_eq!(d.look(), "head_too_long");
}

#[test]
fn grpc_methods_are_targets() {
    let mut d = Driver::opened();
    let path = "/runtime.v1.ImageService/PullImage";
    d.head(Sent, 1, &[(":method", "POST"), (":path", path), (":authority", "localhost")], 0);
    let Some(Fact::Request { head, .. }) = d.facts.first() else { panic!("a request") };
    assert_eq!((head.target.path(), head.framing), (path, Framing::UntilClose));
}

#[test]
fn debug_output_holds_no_secret() {
    let mut d = Driver::opened();
    let list: List<'_> = &[
        (":method", "GET"),
        (":path", "/secret?secret"),
        ("authorization", "Bearer secret"),
        ("x", "secret"),
    ];
    d.head(Sent, 1, list, END_STREAM).head(Received, 1, &[(":status", "307"), ("location", "/secret")], 0);
    let block = d.block(Sent, list);
    d.raw(Sent, kind::HEADERS, 0, 3, &block);
    assert!(!format!("{:?} {:?}", d.facts, d.connection).contains("secret"));
}
