//! What the collector tells the programs before they are loaded.

use crate::conn::numbered;
use crate::shared;

shared! {
    /// Offsets of kernel fields in bytes, resolved from the running kernel's BTF, and of saved user registers.
    ///
    /// The names are those of the C structs: `sock_family` is `struct sock.__sk_common.skc_family`.
    pub struct Offsets {
        /// `struct task_struct.tgid`
        pub task_tgid: u32,
        /// `struct task_struct.signal`
        pub task_signal: u32,
        /// `struct task_struct.files`
        pub task_files: u32,
        /// `struct task_struct.group_leader`
        pub task_group_leader: u32,
        /// `struct task_struct.pid_links[PIDTYPE_TGID]`: what links a process's first thread to its `struct pid`
        pub task_process_link: u32,
        /// `struct task_struct.comm`
        pub task_comm: u32,
        /// `struct task_struct.exit_code`
        pub task_exit_code: u32,
        /// `struct signal_struct.live`
        pub signal_live: u32,
        /// `struct signal_struct.flags`
        pub signal_flags: u32,
        /// `struct signal_struct.group_exit_code`
        pub signal_group_exit_code: u32,
        /// `struct pid.numbers`, the first of which is that of the first pid namespace; and `struct upid.nr` in it
        pub pid_number: u32,
        /// `struct pid.tasks[PIDTYPE_TGID]`
        pub pid_process: u32,
        /// `struct files_struct.fdt`
        pub files_fdt: u32,
        /// `struct fdtable.fd`
        pub fdtable_fd: u32,
        /// `struct fdtable.max_fds`
        pub fdtable_max_fds: u32,
        /// `struct file.f_inode`
        pub file_inode: u32,
        /// `struct file.private_data`
        pub file_private_data: u32,
        /// `struct inode.i_mode`
        pub inode_mode: u32,
        /// `struct inode.i_ino`
        pub inode_number: u32,
        /// `struct socket.sk`
        pub socket_sk: u32,
        /// `struct socket_alloc.vfs_inode`
        pub socket_inode: u32,
        /// `struct sock.sk_socket`
        pub sock_socket: u32,
        /// `struct sock.sk_err`
        pub sock_err: u32,
        /// `struct sock.sk_shutdown`
        pub sock_shutdown: u32,
        /// `struct sock.sk_peer_pid`
        pub sock_peer_pid: u32,
        /// `struct sock.sk_type`
        pub sock_type: u32,
        /// `struct sock.sk_protocol`
        pub sock_protocol: u32,
        /// `struct sock.__sk_common.skc_family`
        pub sock_family: u32,
        /// `struct sock.__sk_common.skc_daddr`
        pub sock_daddr: u32,
        /// `struct sock.__sk_common.skc_rcv_saddr`
        pub sock_saddr: u32,
        /// `struct sock.__sk_common.skc_dport` (network order)
        pub sock_dport: u32,
        /// `struct sock.__sk_common.skc_num` (host order)
        pub sock_num: u32,
        /// `struct sock.__sk_common.skc_v6_daddr`
        pub sock_v6_daddr: u32,
        /// `struct sock.__sk_common.skc_v6_rcv_saddr`
        pub sock_v6_saddr: u32,
        /// `struct inet_connection_sock.icsk_ulp_ops`
        pub icsk_ulp_ops: u32,
        /// `struct tcp_sock.copied_seq`
        pub tcp_copied_seq: u32,
        /// `struct tcp_sock.rcv_nxt`
        pub tcp_rcv_nxt: u32,
        /// `struct tcp_sock.write_seq`
        pub tcp_write_seq: u32,
        /// `struct unix_sock.addr`
        pub unix_addr: u32,
        /// `struct unix_sock.peer`
        pub unix_peer: u32,
        /// `struct unix_address.len`
        pub unix_address_len: u32,
        /// `struct unix_address.name`
        pub unix_address_name: u32,
        /// Saved user registers: number of the system call.
        pub regs_nr: u32,
        /// Saved user registers: the first four arguments.
        pub regs_args: [u32; 4],
    } size 188
}

/// Entries of the table from system call number to [`Call`].
pub const CALLS: u32 = 512;

numbered! {
    /// How a system call hands over its buffer.
    pub enum Call: u8 {
        /// No socket I/O, or none whose buffer can be found (`io_uring_enter`).
        None = 0,
        /// `read`: (fd, buffer, length).
        Read = 1,
        /// `write`, `sendto`: (fd, buffer, length).
        Write = 2,
        /// `readv`, `preadv2`: (fd, iovec, count).
        ReadVector = 3,
        /// `writev`, `pwritev2`: (fd, iovec, count).
        WriteVector = 4,
        /// `recvmsg`: (fd, msghdr, flags).
        ReadMessage = 5,
        /// `sendmsg`: (fd, msghdr, flags).
        WriteMessage = 6,
        /// `sendfile`: (socket fd, file fd, ...): bytes without a buffer.
        SendFile = 7,
        /// `splice`: (fd in, offset, fd out, ...): bytes without a buffer.
        Splice = 8,
        /// `recvmmsg`: several messages in one call: bytes without a buffer that can be told.
        ReadMany = 9,
        /// `sendmmsg`, the same.
        WriteMany = 10,
        /// `recvfrom`: (fd, buffer, length, flags).
        Receive = 11,
    }
}
