//! How the kernel programs learn of reads and writes.

use std::fmt;

use anyhow::bail;

use super::btf::Btf;

/// One of the two ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// Tracepoints in the socket calls themselves, there since Linux 6.3: who does no socket I/O pays nothing.
    Sock,
    /// The tracepoint at the end of every system call: any kernel, at a small price for every process.
    Syscall,
}

impl Strategy {
    /// The kernel programs that only this way needs, each with its tracepoint.
    pub fn programs(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Sock => &[("sock_send", "sock_send_length"), ("sock_receive", "sock_recv_length")],
            Self::Syscall => &[("syscall_exit", "sys_exit")],
        }
    }

    /// The way that fits this kernel, or the wanted one if the kernel has it.
    pub fn choose(wanted: Option<Self>, btf: &Btf) -> anyhow::Result<Self> {
        let sock = Self::Sock.programs().iter().all(|(_, tracepoint)| btf.has_tracepoint(tracepoint));
        match wanted {
            Some(Self::Sock) if !sock => bail!(
                "this kernel has no tracepoint sock_send_length (Linux 6.3 and later have it): use --kernel.strategy=syscall"
            ),
            Some(strategy) => Ok(strategy),
            None => Ok(if sock { Self::Sock } else { Self::Syscall }),
        }
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sock => "sock",
            Self::Syscall => "syscall",
        })
    }
}
