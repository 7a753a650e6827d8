//! Frames of the two directions that are told in another order than they passed.

use super::*;

#[test]
fn a_response_that_is_told_before_its_request_waits_for_it() {
    let mut d = Driver::opened();
    d.head(Received, 1, OK_3, 0).data(Received, 1, 3, 0);
    assert_eq!((d.look().as_str(), d.connection.role()), ("", Some(Role::Client)));
    d.ask(1).data(Received, 1, 0, END_STREAM);
    assert_eq!(d.look(), "1 GET /a @3, 1 200 @1, 1 body 3, 1 Complete @4");
    // To its end.
    d.head(Received, 3, OK_3, 0).data(Received, 3, 3, END_STREAM).ask(3);
    assert_eq!(d.look(), "3 GET /a @7, 3 200 @5, 3 body 3, 3 Complete @6");
    d.reset(Received, 5).ask(5).head(Received, 7, OK_3, 0).data(Received, 7, 2, 0).reset(Received, 7).ask(7);
    assert_eq!(d.look(), "5 GET /a @9, 5 Cut @8, 7 GET /a @13, 7 200 @10, 7 body 2, 7 Cut @12");
}

#[test]
fn what_was_asked_decides_what_an_early_answer_means() {
    let mut d = Driver::opened();
    d.head(Received, 1, OK_3, END_STREAM).head(Sent, 1, &[(":method", "HEAD"), (":path", "/a")], END_STREAM);
    assert_eq!(d.look(), "1 HEAD /a @2, 1 200 @1, 1 Complete @1");
    d.head(Received, 3, OK, 0).data(Received, 3, 9, 0);
    d.head(Sent, 3, &[(":method", "CONNECT"), (":authority", "a.example:443")], 0);
    assert_eq!(d.look(), "3 CONNECT  @5, 3 200 @3, 3 Complete @3");
}

#[test]
fn go_away_holds_for_requests_that_are_told_later() {
    let mut d = Driver::opened();
    // The number may not go up (RFC 9113 section 6.8).
    d.ask(1).go_away(1).go_away(9).ask(3);
    assert_eq!(d.look(), "1 GET /a @1, 3 GET /a @4, 3 Cut @4");
    assert_eq!(d.connection.in_flight(), 1);
}

#[test]
fn an_answer_whose_request_never_comes_is_told() {
    let mut d = Driver::opened();
    d.head(Received, 1, OK, END_STREAM).ask(3);
    assert_eq!(d.look(), "no_request, 3 GET /a @2");
    d.head(Received, 5, OK, 0).closed();
    assert_eq!(d.look(), "3 Cut @4, no_request");
}

#[test]
fn not_many_answers_wait() {
    let mut d = Driver::opened();
    for number in 0..40 {
        d.head(Received, 2 * number + 1, OK, END_STREAM);
    }
    assert_eq!(d.look(), ["no_request"; 8].join(", "));
    d.closed();
    assert_eq!(d.look(), ["no_request"; 32].join(", "));
}
