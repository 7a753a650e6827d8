//! What is told of bodies, and of how calls end.

use super::*;

const CALL: List<'static> = &[
    (":method", "POST"),
    (":path", "/runtime.v1.ImageService/PullImage"),
    (":scheme", "http"),
    ("content-type", "application/grpc"),
    ("grpc-timeout", "2S"),
];
const ANSWER: List<'static> = &[(":status", "200"), ("content-type", "application/grpc")];

#[test]
fn messages_and_the_status_behind_them_are_told() {
    let mut d = Driver::opened();
    d.head(Sent, 1, CALL, 0).raw(Sent, kind::DATA, END_STREAM, 1, b"ask");
    d.head(Received, 1, ANSWER, 0).raw(Received, kind::DATA, 0, 1, b"answer");
    d.head(Received, 1, &[("grpc-status", "5"), ("grpc-message", "manifest unknown")], END_STREAM);
    let timeout = d.facts.iter().find_map(|fact| match fact {
        Fact::Request { head, .. } => head.timeout,
        _ => None,
    });
    assert_eq!(timeout, Some(2_000_000_000));
    let trailers = d.facts.iter().find_map(|fact| match fact {
        Fact::Trailers { trailers, .. } => Some(*trailers),
        _ => None,
    });
    assert_eq!(trailers.and_then(|trailers| trailers.trouble), Some(crate::trouble::Trouble::NotFound));
    assert_eq!(
        lines(d.facts.clone()),
        "1 POST /runtime.v1.ImageService/PullImage @1, 1 sent 3, 1 200 @3, 1 body 6, 1 trailers not_found, \
         1 Complete @5"
    );
    assert_eq!(d.contents(), "1 gave ask, 1 got answer");
}

/// What was told once is told again by its place in HPACK's table.
#[test]
fn the_status_of_every_call_is_told() {
    let mut d = Driver::opened();
    for stream in [1, 3, 5] {
        d.head(Sent, stream, CALL, END_STREAM).head(Received, stream, ANSWER, 0);
        d.head(
            Received,
            stream,
            &[("grpc-status", "2"), ("grpc-message", "no space left on device")],
            END_STREAM,
        );
        let told = d.facts.drain(..).find_map(|fact| match fact {
            Fact::Trailers { trailers, .. } => Some((trailers.status, trailers.trouble)),
            _ => None,
        });
        let trouble = Some(crate::trouble::Trouble::NoSpace);
        assert_eq!(told, Some((Some(crate::grpc::Status::Unknown), trouble)), "stream {stream}");
    }
}

/// gRPC calls it "Trailers-Only".
#[test]
fn a_status_may_stand_in_the_head() {
    let mut d = Driver::opened();
    d.head(Sent, 1, CALL, END_STREAM);
    d.head(Received, 1, &[(":status", "200"), ("grpc-status", "12")], END_STREAM);
    let told = d.facts.iter().find_map(|fact| match fact {
        Fact::Response { head, .. } => head.trailers.status,
        _ => None,
    });
    assert_eq!(told, Some(crate::grpc::Status::Unimplemented));
}

#[test]
fn padding_is_not_told_and_what_is_missing_is() {
    let mut d = Driver::opened();
    d.head(Sent, 1, CALL, 0).raw(Sent, kind::DATA, PADDED, 1, b"\x02askxx");
    d.cut(Sent, FrameHead { length: 10, kind: kind::DATA, flags: 0, stream: 1 }, b"abc");
    d.raw(Sent, kind::DATA, END_STREAM, 1, b"end");
    assert_eq!(d.contents(), "1 gave ask, 1 gave abc, 1 gave ...end");
}

#[test]
fn a_body_of_a_type_that_is_not_read_is_not_told() {
    let mut d = Driver::opened();
    d.ask(1).head(Received, 1, &[(":status", "200"), ("content-type", "application/octet-stream")], 0);
    d.raw(Received, kind::DATA, END_STREAM, 1, b"blob");
    assert_eq!(d.contents(), "");
}

/// Its path was sent before the connection was watched.
#[test]
fn what_follows_on_the_stream_of_a_request_without_a_name_is_told() {
    let mut d = Driver::new(Connection::new());
    // Index 62: the newest of the table.
    d.raw(Sent, kind::HEADERS, END_HEADERS, 7, &[0x83, 0x86, 0xbe]);
    d.raw(Sent, kind::DATA, END_STREAM, 7, b"ask");
    d.raw(Received, kind::HEADERS, END_HEADERS, 7, &[0x88]);
    d.raw(Received, kind::DATA, END_STREAM, 7, b"answer");
    assert_eq!(
        lines(d.facts.clone()),
        "hpack_unknown, 7 unnamed @1, 7 sent 3, 7 200 @3, 7 body 6, 7 Complete @4"
    );
    assert_eq!(d.contents(), "7 gave ask, 7 got answer");
}
