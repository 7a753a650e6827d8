//! Reading kernel structs. Rust has no CO-RE: the collector resolves the offsets from the running kernel's BTF and
//! writes them into [`OFFSETS`] before the programs are loaded.
//!
//! Every read goes through `bpf_probe_read_kernel`, which fails instead of faulting; a field that can't be read is `None`.

use core::arch::asm;
use core::mem::MaybeUninit;

use aya_ebpf::helpers::generated::{bpf_probe_read_kernel, bpf_probe_read_user};
use collector_common::COMM_LEN;
use collector_common::settings::Offsets;

/// Where fields lie in the running kernel; the collector fills it in before loading.
#[unsafe(no_mangle)]
pub static OFFSETS: Offsets = Offsets {
    task_tgid: 0,
    task_signal: 0,
    task_files: 0,
    task_group_leader: 0,
    task_process_link: 0,
    task_comm: 0,
    task_exit_code: 0,
    signal_live: 0,
    signal_flags: 0,
    signal_group_exit_code: 0,
    pid_number: 0,
    pid_process: 0,
    files_fdt: 0,
    fdtable_fd: 0,
    fdtable_max_fds: 0,
    file_inode: 0,
    file_private_data: 0,
    inode_mode: 0,
    inode_number: 0,
    socket_sk: 0,
    socket_inode: 0,
    sock_socket: 0,
    sock_err: 0,
    sock_shutdown: 0,
    sock_peer_pid: 0,
    sock_type: 0,
    sock_protocol: 0,
    sock_family: 0,
    sock_daddr: 0,
    sock_saddr: 0,
    sock_dport: 0,
    sock_num: 0,
    sock_v6_daddr: 0,
    sock_v6_saddr: 0,
    icsk_ulp_ops: 0,
    tcp_copied_seq: 0,
    tcp_rcv_nxt: 0,
    tcp_write_seq: 0,
    unix_addr: 0,
    unix_peer: 0,
    unix_address_len: 0,
    unix_address_name: 0,
    regs_nr: 0,
    regs_args: [0; 4],
};

/// The value of one offset.
macro_rules! offset {
    ($field:ident $([$index:literal])?) => {
        $crate::kernel::value_of(&$crate::kernel::OFFSETS.$field $([$index])?)
    };
}
pub(crate) use offset;

/// Reads what the collector has filled in. Volatile, because the compiler would otherwise fold the zeros above into the code.
#[inline(always)]
pub fn value_of(offset: &u32) -> u32 {
    // SAFETY: a reference is valid for reads.
    unsafe { core::ptr::read_volatile(offset) }
}

/// The smaller of two, in a way that the verifier can follow.
///
/// Linux 6.1 forgets that two registers hold the same value when one was copied from the other as a 32-bit number, and so the
/// bound that was found for one is not known of the other. As 64-bit numbers it remembers. The assembly, a move to itself,
/// keeps the compiler from going back to 32 bits.
#[inline(always)]
pub fn at_most(value: u32, limit: u32) -> u32 {
    let mut value = u64::from(value);
    // SAFETY: changes nothing.
    unsafe { asm!("{value} = {value}", value = inout(reg) value) };
    let value = if value < u64::from(limit) { value } else { u64::from(limit) };
    value as u32
}

/// Reads a value at `address + offset` of kernel memory.
#[inline(always)]
pub fn read<T: Copy>(address: u64, offset: u32) -> Option<T> {
    let mut value = MaybeUninit::<T>::uninit();
    // SAFETY: the destination has the size that is given; the helper checks the source.
    let result = unsafe {
        bpf_probe_read_kernel(
            value.as_mut_ptr().cast(),
            size_of::<T>() as u32,
            (address + u64::from(offset)) as *const _,
        )
    };
    // SAFETY: on success the helper has filled every byte; the types read here are plain integers.
    if result == 0 { Some(unsafe { value.assume_init() }) } else { None }
}

/// Loads a value at a constant offset of a struct whose type the verifier knows from where its address came: a helper, or
/// a field of such a struct. It is one instruction, while [`read`] takes some 30 ns on a machine whose returns are slow
/// (Spectre and its kin). Where the address is wrong, the value is 0 (arch/x86/net/bpf_jit_comp.c: `ex_handler_bpf`).
///
/// # Safety
/// Of such a struct; the verifier refuses all else.
#[inline(always)]
pub unsafe fn load<T: Copy>(address: u64, offset: u32) -> T {
    // SAFETY: the verifier sees to it.
    unsafe { core::ptr::read_volatile((address + u64::from(offset)) as *const T) }
}

/// A pointer that the verifier knows the type of, as a plain number: it allows no arithmetic on the pointer itself, and it
/// follows the type through every move but this copy.
#[inline(always)]
pub fn as_number(pointer: u64) -> Option<u64> {
    let mut number = 0_u64;
    // SAFETY: both are eight bytes on our own stack.
    let result = unsafe { bpf_probe_read_kernel((&raw mut number).cast(), 8, (&raw const pointer).cast()) };
    if result == 0 { Some(number) } else { None }
}

/// Reads a value at `address` of the current process's memory.
#[inline(always)]
pub fn read_user<T: Copy>(address: u64) -> Option<T> {
    let mut value = MaybeUninit::<T>::uninit();
    // SAFETY: as in `read`.
    let result =
        unsafe { bpf_probe_read_user(value.as_mut_ptr().cast(), size_of::<T>() as u32, address as *const _) };
    // SAFETY: as in `read`.
    if result == 0 { Some(unsafe { value.assume_init() }) } else { None }
}

/// A `struct sock`, by its address.
#[derive(Clone, Copy)]
pub struct Sock(pub u64);

/// `AF_UNIX`, `AF_INET`, `AF_INET6`: include/linux/socket.h.
pub const AF_UNIX: u16 = 1;
pub const AF_INET: u16 = 2;
pub const AF_INET6: u16 = 10;
/// `SOCK_STREAM`: include/linux/net.h.
pub const SOCK_STREAM: u16 = 1;
/// `IPPROTO_TCP`, `IPPROTO_UDP`: include/uapi/linux/in.h.
pub const IPPROTO_TCP: u16 = 6;
pub const IPPROTO_UDP: u16 = 17;
/// `RCV_SHUTDOWN`, `SHUTDOWN_MASK`: include/net/sock.h.
pub const RCV_SHUTDOWN: u8 = 1;
pub const SHUTDOWN_MASK: u8 = 3;

impl Sock {
    pub fn family(self) -> u16 {
        read(self.0, offset!(sock_family)).unwrap_or(0)
    }

    pub fn protocol(self) -> u16 {
        read(self.0, offset!(sock_protocol)).unwrap_or(0)
    }

    pub fn kind(self) -> u16 {
        read(self.0, offset!(sock_type)).unwrap_or(0)
    }

    /// Error that the next call will return, an errno value.
    pub fn error(self) -> u32 {
        read(self.0, offset!(sock_err)).unwrap_or(0)
    }

    /// Which directions are shut down. `tcp_close` sets both before it changes the state (net/ipv4/tcp.c).
    pub fn shutdown(self) -> u8 {
        read(self.0, offset!(sock_shutdown)).unwrap_or(0)
    }

    /// The process at the other end of a unix socket; `None` where there is none.
    pub fn peer(self) -> Option<Peer> {
        read(self.0, offset!(sock_peer_pid)).filter(|pid| *pid != 0).map(Peer)
    }

    /// Remote port in host order.
    pub fn remote_port(self) -> u16 {
        u16::from_be(read(self.0, offset!(sock_dport)).unwrap_or(0))
    }

    /// Local port in host order.
    pub fn local_port(self) -> u16 {
        read(self.0, offset!(sock_num)).unwrap_or(0)
    }

    /// Number of the socket's inode, 0 when it has none (any more).
    pub fn inode(self) -> u64 {
        match read::<u64>(self.0, offset!(sock_socket)) {
            Some(socket) if socket != 0 => {
                read(socket, offset!(socket_inode) + offset!(inode_number)).unwrap_or(0)
            }
            _ => 0,
        }
    }

    /// Whether an upper layer protocol (kernel TLS) frames the stream: TCP sequence numbers then count its framing too.
    pub fn has_upper_layer(self) -> bool {
        read::<u64>(self.0, offset!(icsk_ulp_ops)).unwrap_or(0) != 0
    }

    /// `tcp_sock.copied_seq`: how far the process has read.
    pub fn copied_sequence(self) -> u32 {
        read(self.0, offset!(tcp_copied_seq)).unwrap_or(0)
    }

    /// Bytes that have come and that the process has not read. The peer's FIN may count as one.
    pub fn unread(self) -> u32 {
        read::<u32>(self.0, offset!(tcp_rcv_nxt)).unwrap_or(0).wrapping_sub(self.copied_sequence())
    }

    /// `tcp_sock.write_seq`: how far the process has written.
    pub fn write_sequence(self) -> u32 {
        read(self.0, offset!(tcp_write_seq)).unwrap_or(0)
    }
}

/// A `struct pid` that a socket holds: the number is not another process's as long as the socket is there.
#[derive(Clone, Copy)]
pub struct Peer(u64);

impl Peer {
    /// The process's id in the first pid namespace (include/linux/pid.h).
    pub fn number(self) -> Option<u32> {
        read(self.0, offset!(pid_number))
    }

    /// Its command name, that of its first thread; `None` once its parent has been told of its end (kernel/pid.c:
    /// `__unhash_process`). Its task cannot be freed while the program runs, which is a reader of RCU.
    pub fn comm(self) -> Option<[u8; COMM_LEN]> {
        let link: u64 = read(self.0, offset!(pid_process)).filter(|link| *link != 0)?;
        read(link - u64::from(offset!(task_process_link)), offset!(task_comm))
    }
}
