//! What the scripted servers answer: well formed, or broken on purpose.

use std::fmt::Write as _;

/// What happens on the connection after the bytes of an answer.
#[derive(Clone, Debug)]
pub(crate) enum Ending {
    KeepAlive,
    Close,
    Reset,
    Stall,
    Endless(Vec<u8>),
}

/// One answer: a head, a body, and what happens to the connection then.
#[derive(Clone, Debug)]
pub struct Answer {
    pub(crate) code: Option<u16>,
    pub(crate) head: Vec<u8>,
    pub(crate) body: Vec<u8>,
    pub(crate) ending: Ending,
}

impl Answer {
    /// A well-formed answer, after which the connection stays open. `fields` are added to `Content-Length`.
    pub fn new(code: u16, fields: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let mut head = format!("HTTP/1.1 {code} Scripted\r\nContent-Length: {}\r\n", body.len());
        for (name, value) in fields {
            write!(head, "{name}: {value}\r\n").expect("write to a string");
        }
        head.push_str("\r\n");
        Self { code: Some(code), head: head.into_bytes(), body, ending: Ending::KeepAlive }
    }

    /// These bytes as they are, then the end of the connection. The log has no code for it.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self { code: None, head: bytes.into(), body: Vec::new(), ending: Ending::Close }
    }

    /// A well-formed start of a head that never ends: field after field until the client leaves.
    pub fn endless_head() -> Self {
        let head = "HTTP/1.1 200 Scripted\r\n";
        let ending = Ending::Endless(b"X-Filler: and so on\r\n".repeat(64));
        Self { code: None, head: head.into(), body: Vec::new(), ending }
    }

    /// No byte at all, while the connection stays open until the client leaves.
    pub fn silence() -> Self {
        Self { code: None, head: Vec::new(), body: Vec::new(), ending: Ending::Stall }
    }

    /// The same answer to a HEAD request: the head speaks of the body, which is not sent (RFC 9110, 9.3.2).
    #[must_use]
    pub fn without_body(mut self) -> Self {
        self.body.clear();
        self
    }

    /// The same answer with only the first `length` bytes of its body, whatever its head says.
    #[must_use]
    pub fn cut(mut self, length: usize) -> Self {
        self.body.truncate(length);
        self
    }

    /// Then the connection is closed.
    #[must_use]
    pub fn then_close(mut self) -> Self {
        self.ending = Ending::Close;
        self
    }

    /// Then the connection is reset.
    #[must_use]
    pub fn then_reset(mut self) -> Self {
        self.ending = Ending::Reset;
        self
    }

    /// Then nothing more comes, while the connection stays open until the client leaves.
    #[must_use]
    pub fn then_stall(mut self) -> Self {
        self.ending = Ending::Stall;
        self
    }
}
