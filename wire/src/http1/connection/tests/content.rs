//! What is told of bodies.

use super::*;

#[test]
fn a_body_is_told_without_its_framing() {
    let mut d = Driver::opened();
    d.sent("POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nxyz");
    d.received(CHUNKED).received("3\r\nabc\r\n2\r").received("\nde\r\n0\r\n\r\n");
    assert_eq!(d.contents(), "0 gave xyz, 0 got abc, 0 got de");
}

#[test]
fn a_body_of_a_type_that_is_not_read_is_not_told() {
    for content_type in ["application/octet-stream", "text/plain"] {
        let mut d = Driver::opened();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: 3\r\n\r\n");
        d.sent(GET).received(&head).received("abc");
        assert_eq!(d.contents(), "");
    }
    let mut d = Driver::opened();
    d.sent(GET).received("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 3\r\n\r\nabc");
    assert_eq!(d.contents(), "0 got abc");
}

#[test]
fn what_was_not_captured_is_told_as_a_gap() {
    let mut d = Driver::opened();
    d.sent(GET).received(OK_1000).received("abc").advanced(Received, 100).received("def");
    assert_eq!(d.contents(), "0 got abc, 0 got ...def");
}

/// The engine's progress: lines that are flushed one by one, of which only some are captured.
#[test]
fn the_last_chunk_ends_a_body_whose_chunks_were_not_followed() {
    let mut d = Driver::opened();
    d.sent(GET).received(CHUNKED).received("2\r\n{}\r\n").advanced(Received, 1000);
    d.received("7\r\n{\"e\":1}\r\n").received("0\r\n\r\n");
    assert_eq!(d.look(), "0 GET /a @1, 0 200 @2, 0 body 2, 0 body 1000, 0 body 12, 0 Complete inexact @6");
    d.sent(GET).received(OK_3).received("abc");
    assert_eq!(d.look(), "1 GET /a @7, 1 200 @8, 1 body 3, 1 Complete @9");
}
