//! What a client asks and gets over HTTP/2 (`golang.org/x/net/http2`, also bundled in `net/http`).

use collector_common::event::{Amount, Part};

use super::connection::{self, Connection};
use super::output::{Text, Told, field_at, message};
use super::{Interface, Probe, field};
use crate::kernel::read_user;

/// Fields of one message that are looked at.
const MAX_FIELDS: u32 = 64;

/// `FrameHeader.Flags` and `.StreamID` at the start of a frame (`http2/frame.go`); the frame is the first field of a
/// `MetaHeadersFrame`, a pointer, and the fields come after it.
const FRAME_FLAGS: u64 = 2;
const FRAME_STREAM: u64 = 8;
const META_FIELDS: u64 = 8;
/// Size of a `hpack.HeaderField`: two strings and a bool.
const HEADER_FIELD: u64 = 40;

/// `FlagHeadersEndStream` (RFC 9113 section 6.2).
const END_STREAM: u8 = 1;

/// The connection of a `ClientConn`.
#[inline(always)]
fn of_client(probe: &Probe, client_conn: u64) -> Option<Connection> {
    let offset = probe.layout().h2_client_tconn;
    connection::of(probe, field::<Interface>(client_conn, offset)?)
}

/// `(*hpack.Encoder).WriteField(f HeaderField)`: the goroutine is about to send this field.
#[inline(always)]
pub fn on_field(probe: &Probe) -> Option<()> {
    let registers = &probe.registers;
    let name = Text { address: registers.b(), length: registers.c() };
    let value = Text { address: registers.d(), length: registers.e() };
    field_at(registers.goroutine(), &name, &value);
    Some(())
}

/// `(*ClientConn).writeHeaders(streamID uint32, ...)`: the fields before it are those of this request.
#[inline(always)]
pub fn on_request(probe: &Probe) -> Option<()> {
    let connection = of_client(probe, probe.registers.a())?;
    message(probe, &connection, &Told::new(Part::RequestFields, probe.registers.b() as u32));
    Some(())
}

/// `(*clientConnReadLoop).processHeaders(f *MetaHeadersFrame)`.
#[inline(always)]
pub fn on_response(probe: &Probe) -> Option<()> {
    let connection = of_client(probe, read_user(probe.registers.a())?)?;
    let mut told = Told::new(Part::ResponseFields, 0);
    frame_fields(probe, probe.registers.b(), &mut told)?;
    message(probe, &connection, &told);
    Some(())
}

/// Tells the fields of a `MetaHeadersFrame`, and notes in `told` which stream it is of.
#[inline(always)]
pub fn frame_fields(probe: &Probe, meta: u64, told: &mut Told) -> Option<()> {
    let frame: u64 = read_user(meta)?;
    told.stream = read_user(frame + FRAME_STREAM)?;
    told.end = read_user::<u8>(frame + FRAME_FLAGS)? & END_STREAM != 0;
    let [fields, count]: [u64; 2] = read_user(meta + META_FIELDS)?;
    told.truncated = count > u64::from(MAX_FIELDS);
    let goroutine = probe.registers.goroutine();
    for index in 0..MAX_FIELDS {
        if u64::from(index) >= count {
            break;
        }
        let [name, name_length, value, value_length]: [u64; 4] =
            read_user(fields + u64::from(index) * HEADER_FIELD)?;
        let name = Text { address: name, length: name_length };
        field_at(goroutine, &name, &Text { address: value, length: value_length });
    }
    Some(())
}

/// `(*clientConnReadLoop).endStream(cs *clientStream)`: the server has ended the stream.
#[inline(always)]
pub fn on_end(probe: &Probe) -> Option<()> {
    let connection = of_client(probe, read_user(probe.registers.a())?)?;
    let stream = field(probe.registers.b(), probe.layout().h2_client_stream_id)?;
    message(probe, &connection, &Told::new(Part::Complete, stream));
    Some(())
}

/// `(*clientStream).cleanupWriteRequest(err error)`: the client is done with the stream; with an error it was cut, unless the
/// server had ended it before.
#[inline(always)]
pub fn on_cleanup(probe: &Probe) -> Option<()> {
    let stream = probe.registers.a();
    if probe.registers.b() == 0 {
        return None;
    }
    let connection = of_client(probe, read_user(stream)?)?;
    let mut told = Told::new(Part::Cut, field(stream, probe.layout().h2_client_stream_id)?);
    if told.stream == 0 {
        // It never got one.
        return None;
    }
    // What the program has not read of the announced length; -1 where none was announced.
    let left: i64 = field(stream, probe.layout().h2_client_stream_left).unwrap_or(-1);
    if left >= 0 {
        told.amount = left as u64;
        told.amount_is = Amount::Left;
    }
    message(probe, &connection, &told);
    Some(())
}
