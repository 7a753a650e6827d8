//! What a client asks and gets over HTTP/1 (`net/http/transport.go`).

use collector_common::event::{Amount, Part};

use super::connection::{self, Connection};
use super::output::{Text, Told, message, message_with};
use super::{Interface, Probe, field};
use crate::buffer::{self, Segment};
use crate::kernel::read_user;
use crate::protocol::{self, Begin};

/// Size of the buffer through which a transport writes, unless its user chose another (`Transport.writeBufferSize`).
const WRITE_BUFFER: u64 = 4096;
/// Writes of one head that are told: as many as 64 KiB take.
const MAX_WRITES: u8 = 16;

/// `bufio.Reader`: the buffer, what it reads from, and which part of the buffer is unread (`bufio/bufio.go`).
const BUFIO_READER: u64 = 24;
const BUFIO_UNREAD: u64 = 40;

/// `bodyEOFSignal`: `closed`, `rerr` and `fn`.
const SIGNAL_CLOSED: u64 = 24;
const SIGNAL_ERROR: u64 = 32;
const SIGNAL_TELL: u64 = 48;

/// `io.LimitedReader.N`.
const LIMITED_LEFT: u64 = 16;

/// The connection of a `persistConn`.
#[inline(always)]
fn of_persist_conn(probe: &Probe, persist_conn: u64) -> Option<Connection> {
    let offset = probe.layout().persist_conn_conn;
    connection::of(probe, field::<Interface>(persist_conn, offset)?)
}

/// The `persistConn` from which a `bufio.Reader` reads.
#[inline(always)]
fn read_by(probe: &Probe, reader: u64) -> Option<u64> {
    Interface::at(reader + BUFIO_READER)?.holds(probe.layout().persist_conn)
}

/// `(persistConnWriter).Write(p []byte)`: what the buffer held, which begins with the head.
#[inline(always)]
pub fn on_write(probe: &Probe) -> Option<()> {
    let (persist_conn, address, length) = (probe.registers.a(), probe.registers.b(), probe.registers.c());
    let connection = of_persist_conn(probe, persist_conn)?;
    // SAFETY: a value of the map. One goroutine writes a connection's requests.
    let writes: &mut u8 = unsafe { &mut (*connection.conn).head_writes };
    let start = if length < 8 { length as u32 } else { 8 };
    let begins = matches!(
        buffer::look(Segment { address, length: start }).map(protocol::begin),
        Some(Begin::Known(_))
    );
    *writes = match *writes {
        _ if begins => 1,
        0 => return None,
        MAX_WRITES.. => 0,
        written => written + 1,
    };
    // A buffer that was not full ends the head.
    if length != WRITE_BUFFER {
        *writes = 0;
    }
    message_with(probe, &connection, &mut Told::new(Part::RequestHead, 0), Text { address, length });
    Some(())
}

/// `ReadResponse(r *bufio.Reader, req *Request)`: the first bytes have come, as a rule the whole head.
#[inline(always)]
pub fn on_response(probe: &Probe) -> Option<()> {
    let reader = probe.registers.a();
    let connection = of_persist_conn(probe, read_by(probe, reader)?)?;
    let buffer: u64 = read_user(reader)?;
    let [first, end]: [u64; 2] = read_user(reader + BUFIO_UNREAD)?;
    if end <= first {
        return None;
    }
    let bytes = Text { address: buffer + first, length: end - first };
    message_with(probe, &connection, &mut Told::new(Part::ResponseHead, 0), bytes);
    Some(())
}

/// `(*bodyEOFSignal).condfn(err error)`: the body has come to its end, or to an error.
#[inline(always)]
pub fn on_body_end(probe: &Probe) -> Option<()> {
    let signal = probe.registers.a();
    // It tells once.
    if read_user::<u64>(signal + SIGNAL_TELL)? == 0 {
        return None;
    }
    end_body(probe, signal)
}

/// In `(*bodyEOFSignal).Read`, where the compiler has put `condfn` into it (Go 1.21 to 1.26): the call of `fn`. The receiver is in
/// its home.
#[inline(always)]
pub fn on_body_read(probe: &Probe) -> Option<()> {
    end_body(probe, read_user(probe.registers.home()?)?)
}

/// `(*bodyEOFSignal).Close()`: of interest when it comes before the end of the body.
#[inline(always)]
pub fn on_body_close(probe: &Probe) -> Option<()> {
    let signal = probe.registers.a();
    if read_user::<u8>(signal + SIGNAL_CLOSED)? != 0 || read_user::<u64>(signal + SIGNAL_ERROR)? != 0 {
        return None;
    }
    end_body(probe, signal)
}

#[inline(always)]
fn end_body(probe: &Probe, signal: u64) -> Option<()> {
    let layout = probe.layout();
    let body = Interface::at(signal)?.holds(layout.body)?;
    let source = Interface::at(body)?;
    let hash = source.hash();
    let mut told = Told::new(Part::Cut, 0);
    let reader;
    if hash == layout.limited_reader {
        reader = Interface::at(source.data())?.holds(layout.bufio_reader)?;
        // What lies in the buffer has come, whether the program reads it or not.
        let [first, end]: [u64; 2] = read_user(reader + BUFIO_UNREAD)?;
        let left: u64 = read_user(source.data() + LIMITED_LEFT)?;
        told.amount = left.saturating_sub(end.saturating_sub(first));
        told.amount_is = Amount::Left;
        if told.amount == 0 {
            told.part = Part::Complete;
        }
    } else {
        if field::<u8>(body, layout.body_saw_eof)? != 0 {
            told.part = Part::Complete;
        }
        reader = if hash == layout.bufio_reader {
            source.data()
        } else if hash == layout.chunked_reader {
            // The `bufio.Reader` is its first field (`net/http/internal/chunked.go`).
            read_user(source.data())?
        } else {
            return None;
        };
    }
    let connection = of_persist_conn(probe, read_by(probe, reader)?)?;
    message(probe, &connection, &told);
    Some(())
}
