//! What this kernel has.

use super::{Context, Finding};
use crate::config::Strategy;
use crate::kernel::cgroup::{self, NoRoot};

/// First kernel with the tracepoints `sock_send_length` and `sock_recv_length` (net/socket.c).
const SOCK: (u32, u32) = (6, 3);

/// Oldest kernel that the project's tests run on.
const TESTED: (u32, u32) = (6, 1);

/// First kernel with atomic operations in BPF (`BPF_ATOMIC`, kernel/bpf/verifier.c); ring buffers are older.
const OLDEST: (u32, u32) = (5, 12);

/// Major and minor number of a release such as `6.1.0-18-amd64`.
pub fn parse_release(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Whether the kernel is new enough, and for which strategy.
pub fn version(context: &Context) -> Finding {
    const NAME: &str = "kernel";
    const MEND: &str = "Use Linux 6.1 or newer.";
    let Some(release) = context.host.release() else {
        return Finding::fail(NAME, "/proc/sys/kernel/osrelease cannot be read", "Mount procfs at /proc.");
    };
    let Some(version) = parse_release(&release) else {
        return Finding::warn(NAME, format!("release `{release}` has no version"), MEND);
    };
    let asked = context.settings.strategy;
    if version < OLDEST {
        Finding::fail(NAME, format!("{release} has no atomic operations in BPF (Linux 5.12)"), MEND)
    } else if asked == Strategy::Sock && version < SOCK {
        Finding::fail(
            NAME,
            format!("{release} lacks the tracepoints of the strategy sock (Linux 6.3)"),
            "Leave the strategy to pullscope: --kernel.strategy=auto.",
        )
    } else if version < TESTED {
        Finding::warn(NAME, format!("{release} is older than what pullscope is tested on (Linux 6.1)"), MEND)
    } else if version < SOCK || asked == Strategy::Syscall {
        Finding::ok(NAME, format!("{release}: strategy syscall"))
    } else {
        Finding::ok(NAME, format!("{release}: strategy sock"))
    }
}

/// Whether the kernel describes its types, from which field offsets are resolved.
pub fn btf(context: &Context) -> Finding {
    const NAME: &str = "BTF";
    if context.host.has("/sys/kernel/btf/vmlinux") {
        Finding::ok(NAME, "the kernel describes its types")
    } else {
        Finding::fail(
            NAME,
            "/sys/kernel/btf/vmlinux is missing: the kernel's types are not known",
            "Use a kernel built with CONFIG_DEBUG_INFO_BTF=y, and mount sysfs at /sys.",
        )
    }
}

/// Whether lockdown forbids kernel programs to read (`LOCKDOWN_BPF_READ_KERNEL`, include/linux/security.h: of the class
/// confidentiality).
pub fn lockdown(context: &Context) -> Finding {
    const NAME: &str = "lockdown";
    let Ok(text) = context.host.read("/sys/kernel/security/lockdown") else {
        // Without the file there is no lockdown, or securityfs is not mounted: then loading the programs will tell.
        return Finding::ok(NAME, "none that can be seen");
    };
    let mode =
        text.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map_or("unknown", |(mode, _)| mode);
    match mode {
        "none" | "integrity" => Finding::ok(NAME, mode),
        _ => Finding::fail(
            NAME,
            format!("{mode}: kernel programs may not read memory"),
            "Boot with lockdown=integrity or without lockdown.",
        ),
    }
}

/// Whether the programs that see `connect` find the root of the unified cgroup hierarchy, as they look for it.
pub fn cgroup2(context: &Context) -> Finding {
    const NAME: &str = "cgroup2";
    let error = match cgroup::root(&context.host.path("/")) {
        Ok(place) => return Finding::ok(NAME, format!("the root is mounted at {}", place.display())),
        Err(error) => error,
    };
    let mend = match error {
        NoRoot::Unreadable => "Mount procfs at /proc.",
        NoRoot::NotMounted => "Boot with the unified hierarchy, or mount the host's /sys/fs/cgroup.",
        NoRoot::Below(_) => "Mount the host's /sys/fs/cgroup.",
    };
    Finding::warn(NAME, format!("{error}: connects that fail for want of a route cannot be seen"), mend)
}
