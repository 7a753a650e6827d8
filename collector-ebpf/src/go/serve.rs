//! What a server is asked and answers, over HTTP/1 (`net/http/server.go`) and HTTP/2 (`golang.org/x/net/http2/server.go`).

use collector_common::event::{Amount, Part};
use collector_common::go::Layout;

use super::connection::{self, Connection};
use super::http2::frame_fields;
use super::output::{Name, Text, Told, field as tell_field, message};
use super::{Interface, Probe, field};
use crate::kernel::read_user;

/// The pseudo-header fields that a request's own fields stand for (RFC 9113 section 8.3.1). Not on the stack, which is short.
static METHOD: Name = Name::literal(b":method");
static AUTHORITY: Name = Name::literal(b":authority");
static PATH: Name = Name::literal(b":path");

/// `Request.Method`, `.Host` and `.RequestURI` (`net/http/request.go`, unchanged since Go 1.8).
const REQUEST_METHOD: u64 = 0;
const REQUEST_HOST: u64 = 128;
const REQUEST_URI: u64 = 192;

/// `response.contentLength` and `.status`, as they lie behind `.written`.
const RESPONSE_LENGTH: u32 = 8;
const RESPONSE_STATUS: u32 = 16;

/// `writeResHeaders.httpResCode`.
const HEADERS_STATUS: u64 = 8;

/// `responseWriterState.sentContentLen` and `.wroteBytes`, as they lie behind `.status`.
const WRITER_LENGTH: u32 = 16;
const WRITER_WROTE: u32 = 24;

/// The connection of a `response`.
#[inline(always)]
fn of_response(probe: &Probe, response: u64) -> Option<Connection> {
    let conn: u64 = read_user(response)?;
    connection::of(probe, field::<Interface>(conn, probe.layout().server_conn_rwc)?)
}

/// The connection of a `serverConn`.
#[inline(always)]
fn of_server(probe: &Probe, server_conn: u64) -> Option<Connection> {
    connection::of(probe, field::<Interface>(server_conn, probe.layout().h2_server_conn)?)
}

#[inline(always)]
fn served(part: Part, stream: u32) -> Told {
    Told { serves: true, ..Told::new(part, stream) }
}

/// `(serverHandler).ServeHTTP(rw ResponseWriter, req *Request)`: a request's head has been read. Those over HTTP/2 are told of
/// by [`on_h2_request`].
#[inline(always)]
pub fn on_serve(probe: &Probe) -> Option<()> {
    let registers = &probe.registers;
    let response = Interface::of(registers.b(), registers.c()).holds(probe.layout().response)?;
    let request = registers.d();
    let connection = of_response(probe, response)?;
    let goroutine = registers.goroutine();
    let tell = |name: &Name, offset: u64| -> Option<()> {
        let [address, length]: [u64; 2] = read_user(request + offset)?;
        tell_field(goroutine, name, &Text { address, length });
        Some(())
    };
    tell(&METHOD, REQUEST_METHOD)?;
    tell(&AUTHORITY, REQUEST_HOST)?;
    tell(&PATH, REQUEST_URI)?;
    message(probe, &connection, &served(Part::RequestFields, 0));
    Some(())
}

/// `(*response).finishRequest()`: the handler is done; what it wrote is sent by now or right after.
#[inline(always)]
pub fn on_serve_end(probe: &Probe) -> Option<()> {
    let response = probe.registers.a();
    let written = probe.layout().response_written;
    if written == Layout::UNKNOWN {
        return None;
    }
    let connection = of_response(probe, response)?;
    let passed: u64 = field(response, written)?;
    let announced: i64 = field(response, written + RESPONSE_LENGTH)?;
    let code: u64 = field(response, written + RESPONSE_STATUS)?;
    message(probe, &connection, &Told { code: code as u16, ..served(Part::Status, 0) });
    message(probe, &connection, &ended(0, passed, announced));
    Some(())
}

/// The end of an answer of which `passed` bytes have passed; it is cut when more were announced.
#[inline(always)]
fn ended(stream: u32, passed: u64, announced: i64) -> Told {
    let cut = announced > 0 && announced as u64 > passed;
    let part = if cut { Part::Cut } else { Part::Complete };
    Told { amount: passed, amount_is: Amount::Passed, ..served(part, stream) }
}

/// `(*serverConn).processHeaders(f *MetaHeadersFrame)`.
#[inline(always)]
pub fn on_h2_request(probe: &Probe) -> Option<()> {
    let connection = of_server(probe, probe.registers.a())?;
    let mut told = served(Part::RequestFields, 0);
    frame_fields(probe, probe.registers.b(), &mut told)?;
    message(probe, &connection, &told);
    Some(())
}

/// `(*serverConn).writeHeaders(st *stream, headerData *writeResHeaders)`: a final answer's head, or one with a 1xx code, or
/// trailers, which have none.
#[inline(always)]
pub fn on_h2_response(probe: &Probe) -> Option<()> {
    let headers = probe.registers.c();
    let code: u64 = read_user(headers + HEADERS_STATUS)?;
    if code < 200 {
        return None;
    }
    let connection = of_server(probe, probe.registers.a())?;
    let stream = field(probe.registers.b(), probe.layout().h2_server_stream_id)?;
    message(probe, &connection, &Told { code: code as u16, ..served(Part::Status, stream) });
    Some(())
}

/// `(*responseWriter).handlerDone()`: the handler is done; what it wrote is sent by now or right after.
#[inline(always)]
pub fn on_h2_done(probe: &Probe) -> Option<()> {
    let layout = probe.layout();
    let state: u64 = read_user(probe.registers.a())?;
    let status = layout.h2_writer_status;
    if status == Layout::UNKNOWN {
        return None;
    }
    let connection = of_server(probe, field(state, layout.h2_writer_conn)?)?;
    let stream = field(read_user(state)?, layout.h2_server_stream_id)?;
    let announced: i64 = field(state, status + WRITER_LENGTH)?;
    let passed: u64 = field(state, status + WRITER_WROTE)?;
    message(probe, &connection, &ended(stream, passed, announced));
    Some(())
}

/// `(*serverConn).closeStream(st *stream, err error)`: where the handler was not done, the stream was broken off.
#[inline(always)]
pub fn on_h2_end(probe: &Probe) -> Option<()> {
    let connection = of_server(probe, probe.registers.a())?;
    let stream = field(probe.registers.b(), probe.layout().h2_server_stream_id)?;
    message(probe, &connection, &served(Part::Cut, stream));
    Some(())
}
