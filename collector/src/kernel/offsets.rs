//! The offsets that the kernel programs need, by the names that the kernel gives its fields.

use collector_common::settings::Offsets;

use super::btf::Btf;
use super::registers;

/// `PIDTYPE_TGID`, index of the arrays `pid.tasks` (of `struct hlist_head`, one pointer each) and `task_struct.pid_links` (of
/// `struct hlist_node`, two each): `include/linux/pid.h`, `include/linux/types.h`.
const PIDTYPE_TGID: u32 = 1;
const POINTER: u32 = 8;

/// Resolves all of them; the error names the first that this kernel does not have.
pub fn resolve(btf: &Btf) -> anyhow::Result<Offsets> {
    let registers = registers::layout();
    Ok(Offsets {
        task_tgid: btf.offset("task_struct", "tgid")?,
        task_signal: btf.offset("task_struct", "signal")?,
        task_files: btf.offset("task_struct", "files")?,
        task_group_leader: btf.offset("task_struct", "group_leader")?,
        task_process_link: btf.offset("task_struct", "pid_links")? + PIDTYPE_TGID * 2 * POINTER,
        task_comm: btf.offset("task_struct", "comm")?,
        task_exit_code: btf.offset("task_struct", "exit_code")?,
        signal_live: btf.offset("signal_struct", "live")?,
        signal_flags: btf.offset("signal_struct", "flags")?,
        signal_group_exit_code: btf.offset("signal_struct", "group_exit_code")?,
        pid_number: btf.offset("pid", "numbers")? + btf.offset("upid", "nr")?,
        pid_process: btf.offset("pid", "tasks")? + PIDTYPE_TGID * POINTER,
        files_fdt: btf.offset("files_struct", "fdt")?,
        fdtable_fd: btf.offset("fdtable", "fd")?,
        fdtable_max_fds: btf.offset("fdtable", "max_fds")?,
        file_inode: btf.offset("file", "f_inode")?,
        file_private_data: btf.offset("file", "private_data")?,
        inode_mode: btf.offset("inode", "i_mode")?,
        inode_number: btf.offset("inode", "i_ino")?,
        socket_sk: btf.offset("socket", "sk")?,
        socket_inode: btf.offset("socket_alloc", "vfs_inode")?,
        sock_socket: btf.offset("sock", "sk_socket")?,
        sock_err: btf.offset("sock", "sk_err")?,
        sock_shutdown: btf.offset("sock", "sk_shutdown")?,
        sock_peer_pid: btf.offset("sock", "sk_peer_pid")?,
        sock_type: btf.offset("sock", "sk_type")?,
        sock_protocol: btf.offset("sock", "sk_protocol")?,
        sock_family: btf.offset("sock", "__sk_common.skc_family")?,
        sock_daddr: btf.offset("sock", "__sk_common.skc_daddr")?,
        sock_saddr: btf.offset("sock", "__sk_common.skc_rcv_saddr")?,
        sock_dport: btf.offset("sock", "__sk_common.skc_dport")?,
        sock_num: btf.offset("sock", "__sk_common.skc_num")?,
        sock_v6_daddr: btf.offset("sock", "__sk_common.skc_v6_daddr")?,
        sock_v6_saddr: btf.offset("sock", "__sk_common.skc_v6_rcv_saddr")?,
        icsk_ulp_ops: btf.offset("inet_connection_sock", "icsk_ulp_ops")?,
        tcp_copied_seq: btf.offset("tcp_sock", "copied_seq")?,
        tcp_rcv_nxt: btf.offset("tcp_sock", "rcv_nxt")?,
        tcp_write_seq: btf.offset("tcp_sock", "write_seq")?,
        unix_addr: btf.offset("unix_sock", "addr")?,
        unix_peer: btf.offset("unix_sock", "peer")?,
        unix_address_len: btf.offset("unix_address", "len")?,
        unix_address_name: btf.offset("unix_address", "name")?,
        regs_nr: registers.number,
        regs_args: registers.arguments,
    })
}
