//! Several requests at once, and reports that come in another order than the bytes.

use super::*;

#[test]
fn pipelined_requests_are_answered_in_order() {
    let mut d = Driver::opened();
    d.sent(&format!("{GET}HEAD /b HTTP/1.1\r\n\r\n")).received(&format!("{OK_3}abc{OK_1000}"));
    assert_eq!(
        d.look(),
        "0 GET /a @1, 1 HEAD /b @1, 0 200 @2, 0 body 3, 0 Complete @2, 1 200 @2, 1 Complete @2"
    );
}

#[test]
fn too_many_requests_in_flight_end_the_decoding() {
    let mut d = Driver::opened();
    d.sent(&GET.repeat(32));
    assert_eq!(d.connection.in_flight(), 32);
    d.look();
    d.sent(GET);
    let facts = d.look();
    assert!(facts.starts_with("pipelined, 0 Unknown @2, 1 Unknown @2"), "{facts}");
    d.received(OK_3).sent(GET).closed();
    assert_eq!(d.look(), "");
}

#[test]
fn a_response_may_come_before_the_body_of_its_request() {
    let mut d = Driver::opened();
    d.sent("PUT /a HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc").received(OK_3).received("abc").sent("defghij");
    assert_eq!(d.look(), "0 PUT /a @1, 0 sent 3, 0 200 @2, 0 body 3, 0 Complete @3");
    d.sent(GET).received(OK_3).received("abc");
    assert_eq!(d.look(), "1 GET /a @5, 1 200 @6, 1 body 3, 1 Complete @7");
}

#[test]
fn a_body_that_was_refused_may_never_come() {
    let mut d = Driver::opened();
    d.sent("PUT /a HTTP/1.1\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n");
    d.received("HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n").sent(GET).received(OK_3).received("abc");
    assert_eq!(
        d.look(),
        "0 PUT /a @1, 0 417 @2, 0 Complete @2, 1 GET /a @3, 1 200 @4, 1 body 3, 1 Complete @5"
    );
}

#[test]
fn a_response_reported_before_its_request_waits_for_it() {
    let mut d = Driver::opened();
    d.received(OK_3).received("abc");
    assert_eq!(d.look(), "");
    d.sent(GET);
    assert_eq!(d.look(), "0 GET /a @3, 0 200 @1, 0 body 3, 0 Complete @2");
    d.received(OK_1000).advanced(Received, 1000);
    assert_eq!(d.look(), "");
    d.sent("GET /b HT").sent("TP/1.1\r\n\r\n");
    assert_eq!(d.look(), "1 GET /b @6, 1 200 @4, 1 body 1000, 1 Complete @5");
}

#[test]
fn a_response_that_waits_is_given_up_when_its_request_cannot_come() {
    let mut d = Driver::opened();
    d.received(OK_3).closed();
    assert_eq!(d.look(), "no_request");
    // The hole may have held the request that the response answers.
    let mut d = Driver::opened();
    d.sent(GET).received(OK_3).received("abc").received(OK_3).look();
    d.missed(Sent, 20).sent(GET).received("abc");
    assert_eq!(d.look(), "hole, no_request, 1 GET /a @5");
    // So it may where nothing was followed before: somebody unseen has sent the first request.
    let mut d = Driver::opened();
    d.received(OK_3).received("abc");
    d.missed(Sent, 20).sent(GET).received(OK_3).received("abc");
    assert_eq!(d.look(), "no_request, 0 GET /a @3, 0 200 @4, 0 body 3, 0 Complete @5");
    // Its bytes are bounded.
    let mut d = Driver::opened();
    d.received("HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n").received(&"x".repeat(33_000));
    assert_eq!(d.look(), "no_request");
    assert_eq!(d.connection.buffered(), 0);
}

#[test]
fn positions_that_were_passed_are_ignored() {
    let mut d = Driver::opened();
    d.sent(GET);
    d.connection.data(Sent, 0, GET.as_bytes(), 9, &mut d.facts);
    d.connection.data(Received, 0, &OK_3.as_bytes()[..20], 10, &mut d.facts);
    d.connection.data(Received, 10, &OK_3.as_bytes()[10..], 11, &mut d.facts);
    d.connection.advanced(Received, 5, 12, &mut d.facts);
    assert_eq!(d.look(), "0 GET /a @1, 0 200 @10");
}
