//! pullscope on an old kernel: Debian's 6.1 for clouds, in QEMU. It lacks the tracepoints of the strategy `sock`, its
//! verifier follows less than today's, and it can be booted as no test may boot the host.
//!
//! Needs no root, and Debian's package lists the first time. Run by `cargo xtask test`, once for each processor
//! (`machine.rs`): the strategy is the one that the kernel has.

mod compare;
mod counts;
mod debian;
mod guest;
mod initramfs;
mod machine;
mod processes;
mod redis;
mod refusals;
mod systemd;
mod tls;
