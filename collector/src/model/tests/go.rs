//! The stage for Go programs: what the probes in them tell.

use bytes::Bytes;

use super::connects::hello;
use super::scene::Scene;
use crate::model::event::{Amount, Captured, ConnId, Event, Message, Part, Pid};

/// The goroutine that tells all messages for which it does not matter.
const GOROUTINE: u64 = 0xc000_0000;

/// Fields of a request.
pub fn request_fields<'a>(host: &'a str, path: &'a str) -> [(&'a str, &'a str); 3] {
    [(":authority", host), (":method", "GET"), (":path", path)]
}

/// A message of that part; everything else about it is empty.
pub fn message(part: Part, stream: u32) -> Message {
    Message {
        goroutine: GOROUTINE,
        serves: false,
        part,
        stream,
        code: 0,
        amount: Amount::None,
        bytes: Captured::default(),
        end: false,
        truncated: false,
    }
}

pub fn captured(bytes: impl AsRef<[u8]>) -> Captured {
    Captured(Bytes::copy_from_slice(bytes.as_ref()))
}

impl Scene {
    /// A scene with process 1, whose TLS can be read.
    pub fn with_readable_process() -> Self {
        let mut scene = Self::with_process();
        scene.instrument(1);
        scene
    }

    pub fn instrument(&mut self, pid: Pid) {
        self.tell(Event::Instrumented { pid, time: self.now });
    }

    /// A connection on which process 1 has greeted a server, with the first words inside TLS due.
    pub fn tls(&mut self, host: &str) -> ConnId {
        let conn = self.connect(1, "10.0.0.1:443");
        self.send(conn, hello(host));
        conn
    }

    /// The event of a message of process 1.
    pub fn event_of(&self, conn: ConnId, message: Message) -> Event {
        let (flows, lost) = (self.flows(conn), self.lost(conn));
        Event::Message { conn, pid: 1, message, flows, lost, time: self.now }
    }

    pub fn message(&mut self, conn: ConnId, message: Message) {
        self.tell(self.event_of(conn, message));
    }

    /// Fields that a goroutine of process 1 tells.
    pub fn fields(&mut self, goroutine: u64, fields: &[(&str, &str)]) {
        for (name, value) in fields {
            let (name, value) = (captured(name), captured(value));
            self.tell(Event::Field { pid: 1, goroutine, name, value, truncated: false, time: self.now });
        }
    }

    /// Bytes of an HTTP/1 request's head.
    pub fn request_bytes(&mut self, conn: ConnId, bytes: impl AsRef<[u8]>) {
        self.message(conn, Message { bytes: captured(bytes), ..message(Part::RequestHead, 0) });
    }

    /// Bytes of an HTTP/1 response's head.
    pub fn response_bytes(&mut self, conn: ConnId, bytes: impl AsRef<[u8]>) {
        self.message(conn, Message { bytes: captured(bytes), ..message(Part::ResponseHead, 0) });
    }

    /// A request over HTTP/2.
    pub fn ask(&mut self, conn: ConnId, stream: u32, fields: &[(&str, &str)]) {
        self.fields(GOROUTINE, fields);
        self.message(conn, message(Part::RequestFields, stream));
    }

    /// A response over HTTP/2; `end`: without a body.
    pub fn answer(&mut self, conn: ConnId, stream: u32, fields: &[(&str, &str)], end: bool) {
        self.fields(GOROUTINE, fields);
        self.message(conn, Message { end, ..message(Part::ResponseFields, stream) });
    }

    /// The end of a response.
    pub fn end(&mut self, conn: ConnId, stream: u32, part: Part, amount: Amount) {
        self.message(conn, Message { amount, ..message(part, stream) });
    }

    /// A request that process 1 serves.
    pub fn serve(&mut self, conn: ConnId, stream: u32, fields: &[(&str, &str)]) {
        self.fields(GOROUTINE, fields);
        self.message(conn, Message { serves: true, ..message(Part::RequestFields, stream) });
    }

    /// The status of a served answer.
    pub fn status(&mut self, conn: ConnId, stream: u32, code: u16) {
        self.message(conn, Message { serves: true, code, ..message(Part::Status, stream) });
    }

    /// The end of a served answer.
    pub fn served(&mut self, conn: ConnId, stream: u32, part: Part, amount: Amount) {
        self.message(conn, Message { serves: true, amount, ..message(part, stream) });
    }
}
