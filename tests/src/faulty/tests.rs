//! What each fault looks like to a client that reads the socket itself, and in the log.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::{Resetting, blob, serve};
use crate::answer::Answer;
use crate::http::Service;
use crate::images::Image;

/// Sends a GET and reads until the end, or until nothing has come for a while.
fn get(address: SocketAddr, path: &str) -> (Vec<u8>, Option<ErrorKind>) {
    let mut stream = TcpStream::connect(address).expect("connect");
    stream.set_read_timeout(Some(Duration::from_millis(300))).expect("set a timeout");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: a.test\r\nUser-Agent: test\r\n\r\n").expect("send");
    let mut bytes = Vec::new();
    let error = stream.read_to_end(&mut bytes).err().map(|error| error.kind());
    (bytes, error)
}

fn body(bytes: &[u8]) -> &[u8] {
    let at = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
    &bytes[at + 4..]
}

/// A server that answers everything with `answer`.
fn always(answer: Answer) -> Service {
    serve(&Image::make(&[1000], 7), move |_| Some(answer.clone()))
}

#[test]
fn a_cut_body_is_logged_with_the_bytes_that_went_out() {
    let image = Image::make(&[200_000], 7);
    let layer = blob(&image.layers[0]);
    for (answer, end) in [
        (layer.clone().cut(5000).then_close(), None),
        (layer.clone().cut(5000).then_reset(), Some(ErrorKind::ConnectionReset)),
        (layer.clone().cut(5000).then_stall(), Some(ErrorKind::WouldBlock)),
    ] {
        let server = always(answer);
        let (bytes, error) = get(server.address(), "/v2/a/blobs/x?query");
        assert_eq!((body(&bytes).len(), error), (5000, end));
        let expected = "GET /v2/a/blobs/x?query -> 200, 5000 bytes, connection 0, host a.test\n";
        assert_eq!(server.log().to_string(), expected);
    }
}

#[test]
fn silence_and_raw_bytes_have_no_code() {
    let server = always(Answer::silence());
    assert_eq!(get(server.address(), "/"), (Vec::new(), Some(ErrorKind::WouldBlock)));
    assert_eq!(server.log().0[0].code, None);
    let server = always(Answer::raw("HTTQ/7.7 abc\r\n\r\n"));
    assert_eq!(get(server.address(), "/"), (b"HTTQ/7.7 abc\r\n\r\n".to_vec(), None));
    assert_eq!(server.log().0[0].code, None);
}

#[test]
fn an_endless_head_goes_on_until_the_client_leaves() {
    let server = always(Answer::endless_head());
    let mut stream = TcpStream::connect(server.address()).expect("connect");
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("send");
    let mut bytes = vec![0; 3 << 20];
    stream.read_exact(&mut bytes).expect("three MiB of head");
    assert!(!bytes.windows(4).any(|window| window == b"\r\n\r\n"));
}

#[test]
fn every_connection_is_reset_and_counted() {
    let server = Resetting::start();
    for _ in 0..3 {
        // The reset may come before or after the request is written.
        let end = TcpStream::connect(server.address()).and_then(|mut stream| {
            stream.write_all(b"GET / HTTP/1.1\r\n\r\n")?;
            stream.read(&mut [0; 1])
        });
        let kind = end.expect_err("a reset").kind();
        assert!(matches!(kind, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{kind:?}");
    }
    assert_eq!(server.connections(), 3);
}

#[test]
fn without_a_fault_the_image_is_served_whole() {
    let image = Image::make(&[200_000], 7);
    let server = serve(&image, |_| None);
    for blob in image.blobs() {
        let (bytes, _) = get(server.address(), &format!("/v2/any/name/blobs/{}", blob.digest));
        assert_eq!(body(&bytes), std::fs::read(&blob.file).expect("a blob on the disk"));
    }
    let (bytes, _) = get(server.address(), "/v2/any/name/manifests/tag");
    assert_eq!(body(&bytes), std::fs::read(&image.manifest.file).expect("a manifest on the disk"));
    let (bytes, _) = get(server.address(), "/v2/any/name/manifests/sha256:00");
    assert!(bytes.starts_with(b"HTTP/1.1 404 "));
}
