//! Fields and messages for the collector.

use aya_ebpf::helpers::generated::{bpf_probe_read_kernel, bpf_probe_read_user};
use collector_common::MAX_CAPTURE;
use collector_common::conn::Conn;
use collector_common::counters::Counter;
use collector_common::event::{Amount, Field, Header, Kind, Message, Part};

use super::Probe;
use super::connection::Connection;
use crate::buffer::Segment;
use crate::connections::{self, snapshot};
use crate::kernel::at_most;
use crate::maps::count;
use crate::{output, process};

/// Longest name of a field that matters.
pub const NAME: usize = 16;
/// Longest value that is captured: signed URLs have a few thousand bytes.
const VALUE: u32 = 4096;
/// Most values fit in this.
const SHORT_VALUE: u32 = 128;
/// Of credentials no more than the scheme's name is captured (RFC 9110 section 11.4): "Bearer", "Basic ".
const SCHEME: u32 = 6;

/// The name of a field, padded with zeros.
#[derive(Clone, Copy)]
pub struct Name {
    pub bytes: [u8; NAME],
    pub length: u32,
}

impl Name {
    /// One that is known when the program is compiled.
    pub const fn literal(text: &[u8]) -> Self {
        let mut bytes = [0; NAME];
        let mut at = 0;
        while at < text.len() {
            bytes[at] = text[at];
            at += 1;
        }
        Self { bytes, length: text.len() as u32 }
    }

    /// One in the program's memory; `None` if it is none of those that matter.
    #[inline(always)]
    fn read(address: u64, length: u64) -> Option<Self> {
        if length < 5 || length > NAME as u64 {
            return None;
        }
        let length = at_most(length as u32, NAME as u32);
        let mut bytes = [0; NAME];
        // SAFETY: `length` is at most the size of `bytes`; the helper checks the source.
        if unsafe { bpf_probe_read_user(bytes.as_mut_ptr().cast(), length, address as *const _) } != 0 {
            count(Counter::UserMemory);
            return None;
        }
        let name = Self { bytes, length };
        if name.matters() { Some(name) } else { None }
    }

    /// The first eight bytes as a number.
    #[inline(always)]
    const fn start(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.bytes;
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }

    /// Length and first eight bytes tell the fields apart that occur; the collector compares the whole name.
    #[inline(always)]
    fn matters(&self) -> bool {
        const fn start(text: &[u8]) -> u64 {
            Name::literal(text).start()
        }
        let first = self.start();
        match self.length {
            5 => first == start(b":path") || first == start(b"range"),
            7 => first == start(b":method") || first == start(b":status"),
            8 => first == start(b"location"),
            10 => first == start(b":authority"),
            12 => first == start(b"content-type"),
            13 => first == start(b"authorization") || first == start(b"content-range"),
            14 => first == start(b"content-length"),
            16 => first == start(b"www-authenticate"),
            _ => false,
        }
    }

    #[inline(always)]
    fn is_credentials(&self) -> bool {
        self.length == 13 && self.bytes[0] == b'a'
    }
}

/// A text in the program's memory.
#[derive(Clone, Copy)]
pub struct Text {
    pub address: u64,
    pub length: u64,
}

#[repr(C)]
struct CapturedField<const N: usize> {
    field: Field,
    name: [u8; NAME],
    value: [u8; N],
}

/// Tells a field in the program's memory, if it is one of those that matter.
///
/// A function of its own to the verifier too (its name is not mangled, so that the linker leaves it visible, and its arguments
/// are numbers): it is verified once and not again for every turn of a loop.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn tell_field_at(
    goroutine: u64,
    name: u64,
    name_length: u64,
    value: u64,
    value_length: u64,
) -> u64 {
    if let Some(name) = Name::read(name, name_length) {
        field(goroutine, &name, &Text { address: value, length: value_length });
    }
    0
}

/// Tells a field in the program's memory, if it is one of those that matter: one that the goroutine is about to send, or has
/// received.
#[inline(always)]
pub fn field_at(goroutine: u64, name: &Text, value: &Text) {
    tell_field_at(goroutine, name.address, name.length, value.address, value.length);
}

/// Tells a field whose name is known.
#[inline(always)]
pub fn field(goroutine: u64, name: &Name, value: &Text) {
    let tgid = process::current();
    let limit = if name.is_credentials() { SCHEME } else { VALUE };
    let length = if value.length < u64::from(limit) { value.length as u32 } else { limit };
    let taken = Segment { address: value.address, length };
    let cut = value.length > u64::from(length);
    if length <= SHORT_VALUE {
        emit_field::<{ SHORT_VALUE as usize }>(tgid, goroutine, name, taken, cut);
    } else {
        emit_field::<{ VALUE as usize }>(tgid, goroutine, name, taken, cut);
    }
}

#[inline(always)]
fn emit_field<const N: usize>(tgid: u32, goroutine: u64, name: &Name, value: Segment, cut: bool) {
    let Some(mut entry) = output::reserve::<CapturedField<N>>() else { return count(Counter::RingFull) };
    let record = entry.as_mut_ptr();
    let length = at_most(value.length, N as u32);
    // SAFETY: `record` is the reserved room for a `Field`, a name and N bytes; every field is written here, and of the bytes
    // as many as the lengths say. `length` is at most N; the helpers check their source.
    unsafe {
        let field = &raw mut (*record).field;
        (*field).header = Header { kind: Kind::Field as u32, tgid, time: connections::now() };
        (*field).goroutine = goroutine;
        (*field).name_len = name.length as u16;
        (*field).value_len = length as u16;
        (*field).truncated = u8::from(cut);
        (*field).reserved = [0; 3];
        bpf_probe_read_kernel((&raw mut (*record).name).cast(), NAME as u32, (&raw const name.bytes).cast());
        if length > 0 {
            let to = (&raw mut (*record).value).cast();
            if bpf_probe_read_user(to, length, value.address as *const _) != 0 {
                count(Counter::UserMemory);
                (*field).value_len = 0;
                (*field).truncated = 1;
            }
        }
    }
    output::submit(entry);
}

/// A message without bytes.
pub struct Told {
    pub stream: u32,
    pub code: u16,
    pub part: Part,
    pub amount: u64,
    pub amount_is: Amount,
    pub serves: bool,
    pub end: bool,
    pub truncated: bool,
}

impl Told {
    /// Only this, of this stream.
    #[inline(always)]
    pub fn new(part: Part, stream: u32) -> Self {
        Self {
            stream,
            code: 0,
            part,
            amount: 0,
            amount_is: Amount::None,
            serves: false,
            end: false,
            truncated: false,
        }
    }
}

#[repr(C)]
struct CapturedMessage<const N: usize> {
    message: Message,
    bytes: [u8; N],
}

/// Tells a message without bytes.
#[inline(always)]
pub fn message(probe: &Probe, connection: &Connection, told: &Told) {
    emit_message::<0>(probe, connection, told, &Segment { address: 0, length: 0 });
}

/// Tells a message with as many of its bytes as one record holds.
#[inline(always)]
pub fn message_with(probe: &Probe, connection: &Connection, told: &mut Told, bytes: Text) {
    let length = if bytes.length < u64::from(MAX_CAPTURE) { bytes.length as u32 } else { MAX_CAPTURE };
    told.truncated = bytes.length > u64::from(length);
    let bytes = Segment { address: bytes.address, length };
    if length <= 1024 {
        emit_message::<1024>(probe, connection, told, &bytes);
    } else {
        emit_message::<{ MAX_CAPTURE as usize }>(probe, connection, told, &bytes);
    }
}

#[inline(never)]
fn emit_message<const N: usize>(probe: &Probe, connection: &Connection, told: &Told, bytes: &Segment) {
    let conn: *mut Conn = connection.conn;
    let Some(mut entry) = output::reserve::<CapturedMessage<N>>() else { return connections::lost(conn) };
    let record = entry.as_mut_ptr();
    let length = at_most(bytes.length, N as u32);
    // SAFETY: `record` is the reserved room for a `Message` and N bytes; every field is written here, and of the bytes as
    // many as `captured` says. `length` is at most N; the helper checks the source.
    unsafe {
        let message = &raw mut (*record).message;
        (*message).header = Header { kind: Kind::Message as u32, tgid: probe.tgid, time: connections::now() };
        snapshot(&raw mut (*message).snapshot, connection.sock, conn);
        (*message).goroutine = probe.registers.goroutine();
        (*message).amount = told.amount;
        (*message).stream = told.stream;
        (*message).code = told.code;
        (*message).part = told.part as u8;
        (*message).amount_is = told.amount_is as u8;
        (*message).serves = u8::from(told.serves);
        (*message).end = u8::from(told.end);
        (*message).truncated = u8::from(told.truncated);
        (*message).reserved = 0;
        (*message).captured = length;
        if length > 0 {
            let to = (&raw mut (*record).bytes).cast();
            if bpf_probe_read_user(to, length, bytes.address as *const _) != 0 {
                count(Counter::UserMemory);
                (*message).captured = 0;
                (*message).truncated = 1;
            }
        }
    }
    output::submit(entry);
}
