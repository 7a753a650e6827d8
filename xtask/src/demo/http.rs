//! The least of HTTP: one GET to a server on loopback.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context as _, Result};

const LIMIT: Duration = Duration::from_secs(5);
const MAX_ANSWER: u64 = 64 << 20;

/// The status code and the body of `path`.
pub fn get(address: SocketAddr, path: &str) -> Result<(u16, String)> {
    let what = || format!("GET http://{address}{path}");
    let mut stream = TcpStream::connect_timeout(&address, LIMIT).with_context(what)?;
    stream.set_read_timeout(Some(LIMIT))?;
    // Version 1.0: the body ends with the connection and is never chunked (RFC 9112 section 6.1).
    let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).with_context(what)?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut answer).with_context(what)?;
    parse(&String::from_utf8_lossy(&answer)).with_context(|| format!("{}: no HTTP answer", what()))
}

fn parse(answer: &str) -> Option<(u16, String)> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let code = head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    Some((code, body.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_a_code_and_a_body() {
        assert_eq!(
            parse("HTTP/1.0 200 OK\r\nA: b\r\n\r\nbody\r\n\r\nmore"),
            Some((200, "body\r\n\r\nmore".into()))
        );
        assert_eq!(parse("HTTP/1.1 503 Service Unavailable\r\n\r\n"), Some((503, String::new())));
        assert_eq!(parse("SSH-2.0-x\r\n\r\n"), None);
        assert_eq!(parse("HTTP/1.1 200 OK\r\n"), None);
    }
}
