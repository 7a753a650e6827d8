use super::*;
use crate::http::Method;
use crate::http::shown::{contents, lines};
use Direction::{Received, Sent};

mod content;
mod loss;
mod order;

/// A client's connection under test: calls in order, each one nanosecond after the last.
struct Driver {
    connection: Connection,
    positions: [u64; 2],
    time: u64,
    facts: Vec<Fact>,
}

impl Driver {
    fn opened() -> Self {
        Self { connection: Connection::opened(), positions: [0; 2], time: 0, facts: Vec::new() }
    }

    /// Joined late, in the middle of both streams.
    fn joined() -> Self {
        Self { connection: Connection::new(), positions: [1_000; 2], time: 0, facts: Vec::new() }
    }

    fn sent(&mut self, bytes: &str) -> &mut Self {
        self.data(Sent, bytes.as_bytes())
    }

    fn received(&mut self, bytes: &str) -> &mut Self {
        self.data(Received, bytes.as_bytes())
    }

    fn data(&mut self, direction: Direction, bytes: &[u8]) -> &mut Self {
        self.time += 1;
        let position = &mut self.positions[usize::from(direction == Sent)];
        self.connection.data(direction, *position, bytes, self.time, &mut self.facts);
        *position += bytes.len() as u64;
        self
    }

    /// Bytes that were not captured, reported by the kernel.
    fn advanced(&mut self, direction: Direction, count: u64) -> &mut Self {
        self.time += 1;
        let position = &mut self.positions[usize::from(direction == Sent)];
        *position += count;
        self.connection.advanced(direction, *position, self.time, &mut self.facts);
        self
    }

    /// Bytes whose report was lost: nothing is called.
    fn missed(&mut self, direction: Direction, count: u64) -> &mut Self {
        self.positions[usize::from(direction == Sent)] += count;
        self
    }

    fn closed(&mut self) -> &mut Self {
        self.time += 1;
        self.connection.closed(self.time, &mut self.facts);
        self
    }

    /// The facts since the last look, in short. Exchange number first; times behind `@`.
    fn look(&mut self) -> String {
        lines(self.facts.drain(..))
    }

    /// What the bodies held since the last look.
    fn contents(&mut self) -> String {
        contents(self.facts.drain(..))
    }
}

const GET: &str = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
const OK_3: &str = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n";
const OK_1000: &str = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
const UNTIL_CLOSE: &str = "HTTP/1.0 200 OK\r\n\r\n";

#[test]
fn exchanges_follow_one_another() {
    let mut d = Driver::opened();
    d.sent(GET).received(OK_3).received("abc");
    assert_eq!(d.look(), "0 GET /a @1, 0 200 @2, 0 body 3, 0 Complete @3");
    d.sent(GET).received(&format!("{OK_3}abc")).closed();
    assert_eq!(d.look(), "1 GET /a @4, 1 200 @5, 1 body 3, 1 Complete @5");
}

#[test]
fn the_role_is_that_of_the_request() {
    let mut d = Driver::opened();
    assert_eq!(d.connection.role(), None);
    d.data(Received, GET.as_bytes()).data(Sent, OK_3.as_bytes()).data(Sent, b"abc");
    assert_eq!(d.connection.role(), Some(Role::Server));
    assert_eq!(d.look(), "0 GET /a @1, 0 200 @2, 0 body 3, 0 Complete @3");
    let mut d = Driver::opened();
    d.sent(GET);
    assert_eq!(d.connection.role(), Some(Role::Client));
}

#[test]
fn the_time_of_a_head_is_that_of_its_first_byte() {
    let mut d = Driver::opened();
    d.sent("GE")
        .sent("T /a HTTP/1.1\r\n")
        .sent("\r\n")
        .received("HTTP/1.1 204 No")
        .received(" Content\r\n\r\n");
    assert_eq!(d.look(), "0 GET /a @1, 0 204 @4, 0 Complete @5");
}

#[test]
fn a_body_that_is_only_counted_ends_where_its_length_says() {
    let mut d = Driver::opened();
    d.sent(GET).received(OK_1000).advanced(Received, 400).advanced(Received, 600);
    assert_eq!(d.look(), "0 GET /a @1, 0 200 @2, 0 body 400, 0 body 600, 0 Complete @4");
    d.sent(GET).received(OK_3).received("abc");
    assert_eq!(d.look(), "1 GET /a @5, 1 200 @6, 1 body 3, 1 Complete @7");
}

#[test]
fn responses_without_a_body_end_with_their_head() {
    for (request, response) in [
        ("HEAD /a HTTP/1.1\r\n\r\n", OK_1000),
        (GET, "HTTP/1.1 204 No Content\r\n\r\n"),
        (GET, "HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n"),
        (GET, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ] {
        let mut d = Driver::opened();
        d.sent(request).received(response);
        assert!(d.look().ends_with("0 Complete @2"), "{response}");
        d.sent(GET).received(OK_3).received("abc");
        assert!(d.look().ends_with("1 Complete @5"), "{response}");
    }
}

#[test]
fn interim_responses_are_no_responses() {
    let mut d = Driver::opened();
    d.sent("PUT /a HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    d.received("HTTP/1.1 100 Continue\r\n\r\n").sent("abc").received("HTTP/1.1 103 Early Hints\r\n\r\n");
    assert_eq!(d.look(), "0 PUT /a @1, 0 sent 3");
    d.received(OK_3).received("abc");
    assert_eq!(d.look(), "0 200 @5, 0 body 3, 0 Complete @6");
}

#[test]
fn chunks_are_counted_without_their_framing() {
    let mut d = Driver::opened();
    d.sent(GET).received(CHUNKED).received("3\r\nabc\r").received("\n0\r\n\r\n");
    assert_eq!(d.look(), "0 GET /a @1, 0 200 @2, 0 body 3, 0 Complete @4");
}

#[test]
fn empty_lines_before_a_head_are_stepped_over() {
    let mut d = Driver::opened();
    d.sent("\r\n").sent(GET).received(OK_3).received("abc").closed();
    assert_eq!(d.look(), "0 GET /a @2, 0 200 @3, 0 body 3, 0 Complete @4");
}

#[test]
fn a_body_until_close_is_complete_at_its_last_byte() {
    let mut d = Driver::opened();
    d.sent(GET).received(UNTIL_CLOSE).received("abc").advanced(Received, 7);
    d.time = 100;
    d.closed();
    assert_eq!(d.look(), "0 GET /a @1, 0 200 @2, 0 body 3, 0 body 7, 0 Complete @4");
}

#[test]
fn the_close_cuts_what_is_not_complete() {
    let mut d = Driver::opened();
    d.sent(GET).received(OK_1000).advanced(Received, 999).closed();
    assert_eq!(d.look(), "0 GET /a @1, 0 200 @2, 0 body 999, 0 Cut @4");
    let mut d = Driver::opened();
    d.sent(GET).received("HTTP/1.1 2").closed();
    assert_eq!(d.look(), "0 GET /a @1, 0 Cut @3");
    let mut d = Driver::opened();
    d.sent(GET).received(CHUNKED).received("3\r\nabc\r\n").closed();
    assert_eq!(d.look(), "0 GET /a @1, 0 200 @2, 0 body 3, 0 Cut @4");
    let mut d = Driver::opened();
    d.sent("GET /a HTTP/1.1\r\nHo").closed();
    assert_eq!(d.look(), "head_cut");
}

#[test]
fn an_upgrade_makes_the_connection_opaque() {
    let mut d = Driver::opened();
    d.sent("POST /exec HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
    d.received("HTTP/1.1 101 UPGRADED\r\n\r\nnoise").sent(GET).received(OK_3).closed();
    assert_eq!(d.look(), "0 POST /exec @1, 0 101 @2, 0 Complete @2, 0 upgraded");
}

#[test]
fn a_tunnel_makes_the_connection_opaque() {
    let mut d = Driver::opened();
    d.sent("CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n");
    d.received("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 3\r\n\r\nabc");
    assert_eq!(d.look(), "0 CONNECT  @1, 0 407 @2, 0 body 3, 0 Complete @2");
    d.sent("CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n");
    d.received("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n").sent(GET).closed();
    assert_eq!(d.look(), "1 CONNECT  @3, 1 200 @4, 1 Complete @4, 1 upgraded");
}

#[test]
fn raw_bytes_after_a_response_that_only_the_close_ends_are_no_requests() {
    // As the Docker engine does for `attach` without an upgrade.
    let mut d = Driver::opened();
    d.sent("POST /attach HTTP/1.1\r\n\r\n")
        .received(UNTIL_CLOSE)
        .received("x")
        .sent("\0\x01")
        .sent(GET)
        .closed();
    assert_eq!(d.look(), "0 POST /attach @1, 0 200 @2, 0 body 1, 0 Complete @3");
}

#[test]
fn other_protocols_are_not_taken_for_http() {
    let mut d = Driver::opened();
    d.data(Sent, b"\x16\x03\x01\0\x10").data(Received, b"\x16\x03\x03").data(Sent, b"\x17\x03\x03").closed();
    assert_eq!(d.look(), "");
    let mut d = Driver::opened();
    d.sent("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").data(Received, b"\0\0\x06\x04").sent("x").closed();
    assert_eq!(d.look(), "http2");
}

#[test]
fn debug_output_holds_no_target() {
    let mut d = Driver::opened();
    d.sent("GET /secret?token=secret HTTP/1.1\r\nAuthorization: Bearer secret\r\n\r\n");
    d.received(
        "HTTP/1.1 307 T\r\nLocation: https://c.example/secret?sig=secret\r\nContent-Length: 0\r\n\r\n",
    );
    assert!(!format!("{:?}", d.facts).contains("secret"));
    let Fact::Request { head, .. } = &d.facts[0] else { panic!("a request") };
    assert_eq!((head.method, head.target.path()), (Method::Get, "/secret"));
    d.sent("GET /secret HTTP/1.1\r\nAuthorization: Bearer sec");
    let shown = format!("{:?}", d.connection);
    assert!(shown.contains("HeadBuffer(47 bytes)"), "{shown}");
}
