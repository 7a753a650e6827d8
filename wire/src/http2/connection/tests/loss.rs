//! Connections that are joined late, frames that are lost, and heads of which only the start was captured.

use super::*;

/// Heads of which one field is inserted into the table.
const GET_X: List<'static> = &[(":method", "GET"), (":path", "/a"), ("x-a", "1")];
const OK_X: List<'static> = &[(":status", "200"), ("x-b", "2")];

/// A connection of which nothing was seen up to now, with a request and its answer in both tables.
fn joined() -> Driver {
    let mut d = Driver::opened();
    d.head(Sent, 1, GET_X, END_STREAM).head(Received, 1, OK_X, END_STREAM);
    d.facts.clear();
    d.connection = Connection::new();
    d.time = 0;
    d
}

#[test]
fn requests_after_the_join_are_counted() {
    let mut d = joined();
    d.data(Received, 1, 100, 0).head(Received, 1, &[("grpc-status", "0")], END_STREAM);
    d.head(Sent, 3, GET_X, END_STREAM).head(Received, 3, OK_X, END_STREAM);
    assert_eq!(d.look(), "3 GET /a @3, 3 200 @4, 3 Complete @4");
    // `x-a` and `x-b`.
    assert_eq!(d.connection.take_unknown(), 2);
    assert_eq!(d.connection.take_unknown(), 0);
}

#[test]
fn an_answer_to_a_request_before_the_join_is_told() {
    let mut d = joined();
    d.head(Received, 1, OK, 0).data(Received, 1, 5, END_STREAM);
    assert_eq!(d.look(), "");
    d.head(Sent, 5, GET, END_STREAM);
    assert_eq!(d.look(), "no_request, 5 GET /a @3");
    // Trailers of a request, and an answer, of a stream that was open.
    d.head(Sent, 3, &[("x", "y")], END_STREAM).head(Received, 3, OK, END_STREAM);
    assert_eq!(d.look(), "no_request");
}

#[test]
fn trailers_of_a_request_before_the_join_are_none() {
    let mut d = joined();
    d.head(Received, 1, OK, 0).look();
    d.head(Sent, 1, &[("x", "y")], END_STREAM).head(Sent, 3, GET, END_STREAM);
    assert_eq!(d.look(), "no_request, 3 GET /a @3");
}

#[test]
fn a_path_that_is_not_known_is_no_path() {
    let mut d = joined();
    d.ask(3);
    d.look();
    // Index 64 is the second insertion before the newest one, which was not seen.
    d.raw(Sent, kind::HEADERS, END_HEADERS | END_STREAM, 5, &[0x82, 0x80 | 0x40, 0x86]);
    d.head(Received, 5, OK, END_STREAM);
    assert_eq!(d.look(), "hpack_unknown");
    // Nor is a status.
    d.ask(7).raw(Received, kind::HEADERS, END_HEADERS, 7, &[0x80 | 0x40]).data(Received, 7, 5, END_STREAM);
    assert_eq!(d.look(), "7 GET /a @4, hpack_unknown, 7 Unknown @6");
    // It may have been an interim one.
    d.ask(9).raw(Received, kind::HEADERS, END_HEADERS, 9, &[0x80 | 0x40]).head(Received, 9, OK, END_STREAM);
    assert_eq!(d.look(), "9 GET /a @7, hpack_unknown, 9 200 @9, 9 Complete @9");
}

#[test]
fn a_side_that_never_shows_itself_is_told_of() {
    let mut d = Driver::new(Connection::new());
    d.raw(Sent, kind::HEADERS, END_HEADERS, 5, &[0x80 | 0x40]);
    assert_eq!((d.look().as_str(), d.connection.role()), ("hpack_unknown", None));
}

#[test]
fn a_loss_ends_what_is_in_flight_and_forgets_the_table() {
    let mut d = Driver::opened();
    d.head(Sent, 1, GET_X, END_STREAM).head(Received, 1, OK_X, 0);
    d.connection.lost(Sent, &mut d.facts);
    assert_eq!(d.look(), "1 GET /a @1, 1 200 @2, 1 Unknown @2");
    // The end of what was ended, and a response whose request was lost.
    d.data(Received, 1, 5, END_STREAM).head(Received, 3, OK_X, END_STREAM).head(Sent, 5, GET_X, END_STREAM);
    assert_eq!(d.look(), "no_request, 5 GET /a @5");
    assert_eq!(d.connection.take_unknown(), 1);
    // The other direction has lost nothing.
    d.head(Received, 5, OK_X, END_STREAM);
    assert_eq!((d.look().as_str(), d.connection.take_unknown()), ("5 200 @6, 5 Complete @6", 0));
}

#[test]
fn a_block_that_is_lost_in_the_middle_is_told() {
    let mut d = Driver::opened();
    d.raw(Sent, kind::HEADERS, END_STREAM, 1, &[0x82]);
    d.connection.lost(Sent, &mut d.facts);
    assert_eq!(d.look(), "hole");
    d.raw(Sent, kind::CONTINUATION, END_HEADERS, 1, &[0x84]);
    assert_eq!(d.look(), "hole");
    // What a block of which the start was missed has inserted is not known.
    let mut d = Driver::opened();
    d.head(Sent, 1, GET_X, END_STREAM).raw(Sent, kind::CONTINUATION, END_HEADERS, 3, &[0x84]);
    d.head(Sent, 5, GET_X, END_STREAM);
    assert_eq!((d.look().as_str(), d.connection.take_unknown()), ("1 GET /a @1, hole, 5 GET /a @3", 1));
    // Another frame where the block should go on: what was there is read, what follows is unknown.
    let mut d = Driver::opened();
    let block = d.block(Sent, GET_X);
    d.raw(Sent, kind::HEADERS, END_STREAM, 1, &block).head(Sent, 3, GET_X, END_STREAM);
    assert_eq!(d.look(), "1 GET /a @1, 3 GET /a @2");
    assert_eq!(d.connection.take_unknown(), 1);
}

#[test]
fn of_a_head_that_is_cut_only_what_was_captured_counts() {
    let mut d = Driver::opened();
    let block = d.block(Sent, GET_X);
    let length = 200 + u32::try_from(block.len()).expect("short");
    let head = FrameHead { length, kind: kind::HEADERS, flags: END_HEADERS | END_STREAM, stream: 1 };
    d.cut(Sent, head, &block);
    let Some(Fact::Request { head: request, .. }) = d.facts.first() else { panic!("a request") };
    assert_eq!(request.credentials, crate::http::Credentials::Unknown);
    // What else was inserted is not known.
    d.head(Sent, 3, GET_X, END_STREAM);
    assert_eq!((d.look().as_str(), d.connection.take_unknown()), ("1 GET /a @1, 3 GET /a @2", 1));
    // Cut inside the path.
    d.cut(Sent, FrameHead { stream: 5, ..head }, &[0x82, 0x04, 9, b'/', b'v']);
    assert_eq!(d.look(), "head_too_long");
}
