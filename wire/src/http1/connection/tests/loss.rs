//! Bytes that were not seen, connections that were joined late, and hostile input.

use super::*;

#[test]
fn a_connection_joined_inside_a_response_begins_with_the_next_request() {
    let mut d = Driver::joined();
    d.received("abc").received(OK_3).advanced(Received, 500);
    assert_eq!(d.look(), "");
    d.sent(GET).received(OK_3).received("abc");
    assert_eq!(d.look(), "0 GET /a @4, 0 200 @5, 0 body 3, 0 Complete @6");
}

#[test]
fn a_response_whose_request_was_not_seen_is_counted() {
    let mut d = Driver::joined();
    d.received(OK_3).received("abc").sent(GET).received(OK_3).received("abc");
    assert_eq!(d.look(), "no_request, 0 GET /a @3, 0 200 @4, 0 body 3, 0 Complete @5");
}

#[test]
fn a_response_that_was_missed_is_not_replaced_by_the_next() {
    // Joined late, the first response was reported before its request: whose it is can't be told.
    let mut d = Driver::joined();
    d.received(OK_3).sent(GET).sent(GET).received(OK_3);
    assert_eq!(d.look(), "no_request, 0 GET /a @2, 1 GET /a @3, 0 Unknown @4, 1 Unknown @4, no_request");
    d.sent(GET).received(OK_3).received("abc");
    assert_eq!(d.look(), "2 GET /a @5, 2 200 @6, 2 body 3, 2 Complete @7");
}

#[test]
fn a_request_that_was_not_captured_is_counted_and_the_next_is_read() {
    let mut d = Driver::opened();
    d.sent(GET).received(OK_3).received("abc").look();
    d.advanced(Sent, 80).received(OK_3).received("abc");
    assert_eq!(d.look(), "hole, no_request");
    d.sent(GET).received(OK_3).received("abc");
    assert_eq!(d.look(), "1 GET /a @7, 1 200 @8, 1 body 3, 1 Complete @9");
}

#[test]
fn a_response_that_was_not_captured_leaves_its_exchange_unknown() {
    let mut d = Driver::opened();
    d.sent(GET).advanced(Received, 500).sent(GET).received(OK_3).received("abc");
    assert_eq!(d.look(), "0 GET /a @1, hole, 0 Unknown @2, 1 GET /a @3, 1 200 @4, 1 body 3, 1 Complete @5");
}

#[test]
fn a_request_after_lost_reports_is_read_without_a_turn() {
    let mut d = Driver::opened();
    d.sent(GET).received(OK_3).received("abc").sent(GET).received(OK_3).received("abc").look();
    d.missed(Received, 10).missed(Sent, 10).sent(GET).received(OK_3).received("abc");
    // The hole in the responses may have held the answer: nothing is guessed.
    assert_eq!(d.look(), "hole, 2 GET /a @7, hole, 2 Unknown @8, no_request");
    d.sent(GET).received(OK_3).received("abc");
    assert_eq!(d.look(), "3 GET /a @10, 3 200 @11, 3 body 3, 3 Complete @12");
}

#[test]
fn lost_reports_may_have_held_a_turn() {
    let mut d = Driver::opened();
    d.sent(GET).received(OK_3).received("abc").look();
    d.sent("GET /b HT").missed(Sent, 10).sent(GET);
    assert_eq!(d.look(), "hole, 1 GET /a @5");
}

#[test]
fn what_only_might_have_become_a_head_is_not_missed() {
    let mut d = Driver::joined();
    d.sent("GE").advanced(Sent, 10).closed();
    assert_eq!(d.look(), "");
    let mut d = Driver::joined();
    d.sent("GE").received("x").sent(GET).received(OK_3).received("abc");
    assert_eq!(d.look(), "0 GET /a @3, 0 200 @4, 0 body 3, 0 Complete @5");
}

#[test]
fn chunks_that_were_not_captured_may_have_held_other_responses() {
    let mut d = Driver::opened();
    d.sent(&GET.repeat(2)).received(CHUNKED).advanced(Received, 100).look();
    d.sent(GET).received(OK_3).received("abc");
    assert_eq!(
        d.look(),
        "0 Unknown inexact @3, 1 Unknown @3, 2 GET /a @4, 2 200 @5, 2 body 3, 2 Complete @6"
    );
}

#[test]
fn a_hole_past_the_end_of_a_body_hides_the_next_head() {
    let mut d = Driver::opened();
    d.sent(&GET.repeat(2)).received(OK_3).advanced(Received, 200);
    assert_eq!(d.look(), "0 GET /a @1, 1 GET /a @1, 0 200 @2, 0 body 3, 0 Complete @3, hole, 1 Unknown @3");
}

#[test]
fn chunks_that_were_not_captured_are_counted_as_they_are() {
    let mut d = Driver::opened();
    d.sent(GET).received(CHUNKED).received("3\r\nabc\r\n5").advanced(Received, 100).advanced(Received, 100);
    assert_eq!(d.look(), "0 GET /a @1, 0 200 @2, 0 body 3, 0 body 100, 0 body 100");
    d.sent(GET).received(OK_3).received("abc");
    assert_eq!(d.look(), "0 Complete inexact @5, 1 GET /a @6, 1 200 @7, 1 body 3, 1 Complete @8");
    // Without a next request nothing tells whether it was whole.
    let mut d = Driver::opened();
    d.sent(GET).received(CHUNKED).advanced(Received, 100).closed();
    assert_eq!(d.look(), "0 GET /a @1, 0 200 @2, 0 body 100, 0 Unknown inexact @3");
}

#[test]
fn a_hole_inside_one_chunk_loses_nothing() {
    let mut d = Driver::opened();
    d.sent(GET).received(CHUNKED).received("64\r\n").advanced(Received, 100).received("\r\n0\r\n\r\n");
    assert_eq!(d.look(), "0 GET /a @1, 0 200 @2, 0 body 100, 0 Complete @5");
}

#[test]
fn an_upload_in_chunks_that_were_not_captured_ends_with_its_answer() {
    let mut d = Driver::opened();
    d.sent("PATCH /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n").advanced(Sent, 900);
    d.received("HTTP/1.1 202 A\r\nContent-Length: 0\r\n\r\n").sent(GET).received(OK_3).received("abc");
    assert_eq!(
        d.look(),
        "0 PATCH /a @1, 0 sent 900, 0 202 @3, 0 Complete @3, 1 GET /a @4, 1 200 @5, 1 body 3, 1 Complete @6"
    );
}

#[test]
fn an_upload_and_its_answer_may_both_be_chunks_that_were_not_captured() {
    let mut d = Driver::opened();
    d.sent("PATCH /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n").advanced(Sent, 900);
    d.received(CHUNKED).advanced(Received, 70).sent(GET).received(OK_3).received("abc");
    assert_eq!(
        d.look(),
        "0 PATCH /a @1, 0 sent 900, 0 200 @3, 0 body 70, 0 Complete inexact @4, \
         1 GET /a @5, 1 200 @6, 1 body 3, 1 Complete @7"
    );
}

#[test]
fn a_close_while_track_is_lost_is_a_cut_only_if_nothing_came() {
    let mut d = Driver::joined();
    d.received("x").sent(GET).closed();
    assert_eq!(d.look(), "0 GET /a @2, 0 Cut @3");
    let mut d = Driver::joined();
    d.received("x").sent(GET).received("not a head").closed();
    assert_eq!(d.look(), "0 GET /a @2, 0 Unknown @4");
}

#[test]
fn bad_heads_are_counted_and_the_next_exchange_is_read() {
    for (bad, reason) in [
        ("GET /a HTTP/1.1\r\nno colon\r\n\r\n", "bad_head"),
        ("\u{1}\u{2}\u{3}", "bad_head"),
        ("GET /a HTTP/3.0\r\n\r\n", "bad_head"),
        ("PUT /a HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", "bad_framing"),
        ("PUT /a HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", "bad_framing"),
        ("PUT /a HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", "bad_framing"),
    ] {
        let mut d = Driver::opened();
        d.sent(GET).received(OK_3).received("abc").look();
        d.sent(bad).received("HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\r\nabc");
        assert_eq!(d.look(), format!("{reason}, no_request"), "{bad:?}");
        d.sent(GET).received(OK_3).received("abc");
        assert_eq!(d.look(), "1 GET /a @6, 1 200 @7, 1 body 3, 1 Complete @8", "{bad:?}");
    }
}

#[test]
fn bad_responses_leave_their_exchange_unknown() {
    for (bad, reason) in [
        ("HTTP/1.1 OK\r\n\r\n", "bad_head"),
        ("HTTP/1.1 099 X\r\n\r\n", "bad_head"),
        ("garbage\r\n\r\n", "bad_head"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\n", "bad_framing"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz", "bad_chunk"),
    ] {
        let mut d = Driver::opened();
        d.sent(GET).received(bad);
        let facts = d.look();
        assert!(facts.ends_with(&format!("{reason}, 0 Unknown @2")), "{bad:?}: {facts}");
        d.sent(GET).received(OK_3).received("abc");
        assert_eq!(d.look(), "1 GET /a @3, 1 200 @4, 1 body 3, 1 Complete @5", "{bad:?}");
    }
}

#[test]
fn endless_heads_are_bounded() {
    let mut d = Driver::opened();
    d.sent("GET /a HTTP/1.1\r\n");
    for _ in 0..100 {
        d.sent(&format!("X: {}\r\n", "y".repeat(1000)));
        assert!(d.connection.buffered() <= 64 * 1024);
    }
    assert_eq!(d.look(), "head_too_long");
    d.received(OK_3).sent(GET).received(OK_3).received("abc");
    assert_eq!(d.look(), "no_request, 0 GET /a @103, 0 200 @104, 0 body 3, 0 Complete @105");
    let mut d = Driver::opened();
    d.sent(&format!("GET /a HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(300)));
    assert_eq!(d.look(), "head_too_long");
}

#[test]
fn absurd_positions_do_no_harm() {
    let mut d = Driver::opened();
    d.sent(GET).received(UNTIL_CLOSE);
    d.connection.advanced(Received, u64::MAX, 5, &mut d.facts);
    d.connection.data(Received, u64::MAX, b"abc", 6, &mut d.facts);
    d.connection.data(Sent, u64::MAX - 1, GET.as_bytes(), 7, &mut d.facts);
    d.connection.data(Sent, u64::MAX - 1, GET.as_bytes(), u64::MAX, &mut d.facts);
    d.closed();
    assert!(d.look().contains("0 Complete @5"));
}
