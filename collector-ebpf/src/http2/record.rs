//! Records of frames.

use core::arch::asm;

use aya_ebpf::helpers::generated::bpf_probe_read_user;
use collector_common::MAX_CAPTURE;
use collector_common::conn::{Conn, Direction};
use collector_common::counters::Counter;
use collector_common::event::{Frame, Header, Kind, Layer};
use collector_common::key;

use super::Slot;
use super::head::{DATA, END_STREAM, PADDED};
use crate::buffer::Segment;
use crate::connections::{self, key_of, snapshot};
use crate::kernel::at_most;
use crate::maps::{BLANK_PARTIAL, PARTIALS, count};
use crate::output;
use crate::span::Io;

/// Bytes of a payload that are captured where it lies in several reads or writes.
const GATHERED: u32 = 4096;

/// A record with room for captured bytes.
#[repr(C)]
struct Captured<const N: usize> {
    frame: Frame,
    bytes: [u8; N],
}

/// The record of a frame whose payload has not come to its end.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Partial {
    frame: Frame,
    /// Twice of what is gathered: the verifier knows how far the bytes reach that have come, and how many come at most.
    bytes: [u8; 2 * GATHERED as usize],
    /// How many are wanted.
    wanted: u64,
}

const _: () = assert!(size_of::<Partial>() == key::PARTIAL_SIZE);

/// A frame to be told.
#[derive(Clone, Copy)]
pub struct What {
    pub length: u32,
    pub stream: u32,
    pub kind: u8,
    pub flags: u8,
    pub direction: Direction,
}

/// Tells of a frame without bytes.
#[inline(never)]
pub fn tell(io: &Io, conn: &mut Conn, what: &What) {
    tell_sized::<0>(io, conn, what, Segment::NONE);
}

/// Tells of a frame, of whose payload `bytes` are captured.
#[inline(never)]
pub fn tell_with(io: &Io, conn: &mut Conn, what: &What, bytes: &Segment) {
    match bytes.length {
        0 => tell_sized::<0>(io, conn, what, *bytes),
        1..=512 => tell_sized::<512>(io, conn, what, *bytes),
        513..=4096 => tell_sized::<4096>(io, conn, what, *bytes),
        _ => tell_sized::<{ MAX_CAPTURE as usize }>(io, conn, what, *bytes),
    }
}

#[inline(always)]
fn tell_sized<const N: usize>(io: &Io, conn: &mut Conn, what: &What, bytes: Segment) {
    let Some(mut entry) = output::reserve::<Captured<N>>() else { return connections::lost(conn) };
    let record = entry.as_mut_ptr();
    let length = at_most(bytes.length, N as u32);
    // SAFETY: `record` is the reserved room for a `Frame` and N bytes; every field is written here, and of the bytes as many
    // as `captured` says. `length` is at most N; the helper checks the source.
    unsafe {
        let frame = &raw mut (*record).frame;
        head(frame, io, conn);
        about(frame, io.layer, what);
        (*frame).captured = length;
        if length > 0 {
            let to = (&raw mut (*record).bytes).cast();
            if bpf_probe_read_user(to, length, bytes.address as *const _) != 0 {
                count(Counter::UserMemory);
                (*frame).captured = 0;
            }
        }
    }
    output::submit(entry);
}

/// Fills in whose record it is.
///
/// # Safety
/// `frame` must be writable.
#[inline(always)]
unsafe fn head(frame: *mut Frame, io: &Io, conn: *const Conn) {
    // SAFETY: as the caller promises.
    unsafe {
        (*frame).header = Header { kind: Kind::Frame as u32, tgid: io.tgid, time: io.time };
        snapshot(&raw mut (*frame).snapshot, io.sock, conn);
    }
}

/// Fills in which frame it tells of.
///
/// # Safety
/// `frame` must be writable.
#[inline(always)]
unsafe fn about(frame: *mut Frame, layer: Layer, what: &What) {
    // SAFETY: as the caller promises.
    unsafe {
        (*frame).length = what.length;
        (*frame).stream = what.stream;
        (*frame).kind = what.kind;
        (*frame).flags = what.flags;
        (*frame).direction = what.direction as u8;
        (*frame).layer = layer as u8;
    }
}

/// Adds to what is to be told of a stream.
#[inline(always)]
pub fn add(slot: &mut Slot, bytes: u32) {
    let sum = &raw mut slot.sum;
    // SAFETY: part of a value of a map. The instruction is BPF_ATOMIC with BPF_ADD: the other direction may take the sum
    // (Documentation/bpf/standardization/instruction-set.rst).
    unsafe {
        asm!("lock *(u64 *)({sum} + 0) += {bytes}", sum = in(reg) sum, bytes = in(reg) u64::from(bytes))
    };
}

/// Takes what has been added up of a stream.
#[inline(always)]
pub fn take_sum(slot: &mut Slot) -> u32 {
    let sum = &raw mut slot.sum;
    let mut taken = 0_u64;
    // SAFETY: as in `add`, with BPF_XCHG.
    unsafe { asm!("{taken} = xchg_64({sum} + 0, {taken})", sum = in(reg) sum, taken = inout(reg) taken) };
    taken as u32
}

#[inline(always)]
fn key(io: &Io, conn: &Conn, direction: Direction) -> u64 {
    key::of_partial(key_of(io.sock, conn), io.layer, direction)
}

#[inline(always)]
fn partial(io: &Io, conn: &Conn, direction: Direction) -> Option<*mut Partial> {
    PARTIALS.get_ptr_mut(key(io, conn, direction))
}

/// Begins to gather the payload of a frame, of which `wanted` bytes are to be captured. False when there is no room.
#[inline(always)]
pub fn gather(io: &Io, conn: &Conn, what: &What, wanted: u32) -> bool {
    let Some(blank) = BLANK_PARTIAL.get_ptr(0) else { return false };
    // SAFETY: the only element of the map; nobody writes it.
    #[expect(clippy::needless_borrows_for_generic_args, reason = "it does not fit on the stack")]
    let entered = PARTIALS.insert(key(io, conn, io.direction), unsafe { &*blank }, 0).is_ok();
    if !entered {
        return false;
    }
    let Some(partial) = partial(io, conn, io.direction) else { return false };
    // SAFETY: a value of the map, which only this direction of this connection uses.
    unsafe {
        about(&raw mut (*partial).frame, io.layer, what);
        (*partial).wanted = u64::from(if wanted < GATHERED { wanted } else { GATHERED });
    }
    true
}

/// The next `length` bytes of the payload have come.
#[inline(always)]
pub fn append(io: &Io, conn: &Conn, address: u64, length: u32) {
    let Some(partial) = partial(io, conn, io.direction) else { return };
    // SAFETY: as in `gather`. What has come is at most GATHERED, and so is what is added: `bytes` holds twice that.
    unsafe {
        let (have, wanted) = ((*partial).frame.captured, (*partial).wanted as u32);
        if have >= wanted {
            return;
        }
        let have = at_most(have, GATHERED);
        let room = wanted - have;
        let length = at_most(if length < room { length } else { room }, GATHERED);
        let to = (&raw mut (*partial).bytes).cast::<u8>().add(have as usize);
        if bpf_probe_read_user(to.cast(), length, address as *const _) == 0 {
            (*partial).frame.captured = have + length;
        } else {
            count(Counter::UserMemory);
            (*partial).wanted = 0;
        }
    }
}

/// What comes of the payload can't be seen: nothing more of it is captured.
#[inline(always)]
pub fn append_unseen(io: &Io, conn: &Conn) {
    if let Some(partial) = partial(io, conn, io.direction) {
        // SAFETY: as in `gather`.
        unsafe { (*partial).wanted = 0 };
    }
}

/// The payload has come to its end.
#[inline(never)]
pub fn tell_gathered(io: &Io, conn: &mut Conn) {
    let Some(partial) = partial(io, conn, io.direction) else { return };
    // SAFETY: as in `gather`; the record is as long as the bytes that were gathered.
    let sent = unsafe {
        head(&raw mut (*partial).frame, io, conn);
        let captured = at_most((*partial).frame.captured, 2 * GATHERED);
        let length = size_of::<Frame>() as u32 + captured;
        output::send(core::slice::from_raw_parts(partial.cast::<u8>(), length as usize))
    };
    if !sent {
        connections::lost(conn);
    }
    // That it is not there any more is what we want.
    let _ = PARTIALS.remove(key(io, conn, io.direction));
}

/// The connection ends within a frame of whose payload `left` bytes are missing: what came of a `DATA` frame did come.
/// Padding is not told apart any more.
#[inline(always)]
pub fn cut(io: &Io, conn: &Conn, left: u32, direction: Direction) -> Option<What> {
    let partial = partial(io, conn, direction)?;
    // SAFETY: as in `gather`.
    let (kind, flags, length, stream) = unsafe {
        ((*partial).frame.kind, (*partial).frame.flags, (*partial).frame.length, (*partial).frame.stream)
    };
    if kind == DATA && flags & PADDED == 0 && length > left {
        return Some(What { length: length - left, stream, kind, flags: flags & !END_STREAM, direction });
    }
    None
}
