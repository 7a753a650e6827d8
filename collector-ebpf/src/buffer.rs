//! Where the bytes of a read or write lie in the process's memory, told by the system call's registers.

use aya_ebpf::helpers::generated::{bpf_get_current_task_btf, bpf_probe_read_user, bpf_task_pt_regs};
use collector_common::counters::Counter;
use collector_common::settings::{CALLS, Call};

use crate::kernel::{Sock, at_most, load, offset, read, read_user};
use crate::maps::count as count_lost;
use crate::protocol::LOOK;

/// Entries of a vector that may be empty, or messages of a call that are counted.
const MAX_SEGMENTS: u32 = 4;

/// `S_IFMT` and `S_IFSOCK`: include/uapi/linux/stat.h.
const S_IFMT: u16 = 0o170_000;
const S_IFSOCK: u16 = 0o140_000;

/// How each system call of this architecture hands over its buffer ([`Call`] as a number); filled in by the collector.
#[unsafe(no_mangle)]
static CALL_TABLE: [u8; CALLS as usize] = [0; CALLS as usize];

/// How a system call hands over its buffer.
#[inline(always)]
pub fn call(number: u64) -> Call {
    if number >= u64::from(CALLS) {
        return Call::None;
    }
    // SAFETY: in bounds; a static of ours, never written while programs run.
    let number =
        unsafe { core::ptr::read_volatile((&raw const CALL_TABLE).cast::<u8>().add(number as usize)) };
    Call::from_number(number).unwrap_or(Call::None)
}

/// The saved user registers of the current task: those of its system call.
#[derive(Clone, Copy)]
pub struct Registers(u64);

impl Registers {
    #[inline(always)]
    pub fn current() -> Self {
        // SAFETY: the current task is alive, and so are its saved registers.
        Self(unsafe { bpf_task_pt_regs(bpf_get_current_task_btf()) } as u64)
    }

    /// Number of the system call: 32 bits of it count. On arm64 the kernel keeps no more, and x86-64 looks at no more
    /// (arch/x86/entry/common.c, `do_syscall_64`).
    #[inline(always)]
    pub fn number(self) -> u64 {
        // SAFETY: the helper has told the verifier that it is a `struct pt_regs`; so too below.
        let number: u32 = unsafe { load(self.0, offset!(regs_nr)) };
        number.into()
    }

    #[inline(always)]
    pub fn first(self) -> u64 {
        // SAFETY: as above.
        unsafe { load(self.0, offset!(regs_args[0])) }
    }

    #[inline(always)]
    pub fn second(self) -> u64 {
        // SAFETY: as above.
        unsafe { load(self.0, offset!(regs_args[1])) }
    }

    #[inline(always)]
    pub fn third(self) -> u64 {
        // SAFETY: as above.
        unsafe { load(self.0, offset!(regs_args[2])) }
    }

    #[inline(always)]
    pub fn fourth(self) -> u64 {
        // SAFETY: as above.
        unsafe { load(self.0, offset!(regs_args[3])) }
    }
}

/// A piece of the process's memory.
#[derive(Clone, Copy)]
pub struct Segment {
    pub address: u64,
    pub length: u32,
}

impl Segment {
    /// No bytes.
    pub const NONE: Self = Self { address: 0, length: 0 };
}

/// The bytes of one read or write.
#[derive(Clone, Copy)]
pub struct Buffer {
    /// Where they lie, or the vector that says so.
    pub address: u64,
    /// Entries of the vector, or [`Buffer::PLAIN`].
    pub count: u32,
    /// How many they are.
    pub length: u32,
}

/// `struct iovec`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct IoVec {
    pub base: u64,
    pub length: u64,
}

/// `struct user_msghdr` up to the vector's length: include/linux/socket.h.
#[repr(C)]
#[derive(Clone, Copy)]
struct MessageHeader {
    name: u64,
    name_length: u64,
    vector: u64,
    count: u64,
}

/// The bytes of a call that moved `moved` of them; `None` where it has no buffer that can be told.
#[inline(always)]
pub fn buffer(call: Call, registers: Registers, moved: u32) -> Option<Buffer> {
    let address = registers.second();
    let (address, count) = match call {
        Call::Read | Call::Write | Call::Receive => (address, Buffer::PLAIN),
        Call::ReadVector | Call::WriteVector => (address, registers.third() as u32),
        Call::ReadMessage | Call::WriteMessage => {
            let header: MessageHeader = read_user(address)?;
            (header.vector, header.count as u32)
        }
        _ => return None,
    };
    Some(Buffer { address, count, length: moved })
}

impl Buffer {
    /// Value of [`Buffer::count`]: there is no vector.
    pub const PLAIN: u32 = u32::MAX;
    /// No bytes that can be told.
    pub const NONE: Self = Self { address: 0, count: 0, length: 0 };

    /// The bytes in the first segment that is not empty: programs that write a head and a body in one call put the head into
    /// a segment of its own. What lies in the others is counted like all bytes that are not captured.
    #[inline(always)]
    pub fn first(self) -> Segment {
        if self.count == Self::PLAIN {
            return Segment { address: self.address, length: self.length };
        }
        for index in 0..MAX_SEGMENTS {
            if index >= self.count {
                return Segment::NONE;
            }
            let Some(entry) = entry(self.address, u64::from(index)) else { return Segment::NONE };
            if entry.length > 0 {
                let length =
                    if entry.length < u64::from(self.length) { entry.length as u32 } else { self.length };
                return Segment { address: entry.base, length };
            }
        }
        count_lost(Counter::Vector);
        Segment::NONE
    }
}

/// One entry of a vector.
#[inline(always)]
pub fn entry(vector: u64, index: u64) -> Option<IoVec> {
    read_user(vector + index * size_of::<IoVec>() as u64)
}

/// The first bytes of a segment, and how many they are.
#[inline(always)]
pub fn look(segment: Segment) -> Option<([u8; LOOK], u32)> {
    let length = at_most(segment.length, LOOK as u32);
    let mut bytes = [0; LOOK];
    // SAFETY: `length` is at most the size of `bytes`; the helper checks the source.
    let result =
        unsafe { bpf_probe_read_user(bytes.as_mut_ptr().cast(), length, segment.address as *const _) };
    if result == 0 { Some((bytes, length)) } else { None }
}

/// Size of `struct mmsghdr` and where its `msg_len` lies: include/linux/socket.h.
const MMSGHDR: u64 = 64;
const MSG_LEN: u64 = 56;

/// Bytes that `recvmmsg` or `sendmmsg` moved; the call itself returns the number of messages.
#[inline(always)]
pub fn moved_by_many(registers: Registers, messages: u32) -> u32 {
    let mut moved = 0;
    for index in 0..MAX_SEGMENTS {
        if index >= messages {
            return moved;
        }
        moved += read_user::<u32>(registers.second() + u64::from(index) * MMSGHDR + MSG_LEN).unwrap_or(0);
    }
    if messages > MAX_SEGMENTS {
        count_lost(Counter::Vector);
    }
    moved
}

/// The `struct file` behind a file descriptor of the current process.
#[inline(always)]
fn file(descriptor: u64) -> Option<u64> {
    // SAFETY: the verifier follows the types of all four: `struct task_struct`, `files_struct` and `fdtable`. A kernel whose BTF says
    // which pointers RCU guards wants to see that they were looked at.
    let (table, size) = unsafe {
        let files: u64 = load(bpf_get_current_task_btf() as u64, offset!(task_files));
        if files == 0 {
            return None;
        }
        let table: u64 = load(files, offset!(files_fdt));
        if table == 0 {
            return None;
        }
        (load::<u64>(table, offset!(fdtable_fd)), load::<u32>(table, offset!(fdtable_max_fds)))
    };
    if descriptor >= u64::from(size) {
        return None;
    }
    read(table + descriptor * 8, 0)
}

/// The socket behind a file descriptor of the current process, if it is one.
#[inline(always)]
pub fn socket(descriptor: u64) -> Option<Sock> {
    let file = file(descriptor)?;
    let inode: u64 = read(file, offset!(file_inode))?;
    let mode: u16 = read(inode, offset!(inode_mode))?;
    if mode & S_IFMT != S_IFSOCK {
        return None;
    }
    let socket: u64 = read(file, offset!(file_private_data))?;
    let sock: u64 = read(socket, offset!(socket_sk))?;
    if sock == 0 { None } else { Some(Sock(sock)) }
}
