//! What this process may do.

use super::kernel::parse_release;
use super::{Context, Finding, Host};

/// Numbers of capabilities (include/uapi/linux/capability.h).
const CAP_NET_ADMIN: u32 = 12;
const CAP_SYS_PTRACE: u32 = 19;
const CAP_SYS_ADMIN: u32 = 21;
const CAP_PERFMON: u32 = 38;
const CAP_BPF: u32 = 39;

/// Inode of the first pid namespace (`PROC_PID_INIT_INO`, `include/linux/proc_ns.h`).
const HOST_PID_NAMESPACE: &str = "pid:[4026531836]";

/// Effective capabilities as a mask, none where they cannot be read.
fn effective(context: &Context) -> u64 {
    let mask = context.host.own_status("CapEff").unwrap_or_default();
    u64::from_str_radix(&mask, 16).unwrap_or_default()
}

fn has(mask: u64, capability: u32) -> bool {
    mask & (1 << capability) != 0
}

/// Whether the kernel programs may be loaded (kernel/bpf/syscall.c: `CAP_BPF` and `CAP_PERFMON`, or `CAP_SYS_ADMIN`).
pub fn capabilities(context: &Context) -> Finding {
    const NAME: &str = "capabilities";
    let mask = effective(context);
    if has(mask, CAP_SYS_ADMIN) {
        return Finding::ok(NAME, "CAP_SYS_ADMIN: kernel programs may be loaded");
    }
    let missing: Vec<&str> = [(CAP_BPF, "CAP_BPF"), (CAP_PERFMON, "CAP_PERFMON")]
        .into_iter()
        .filter(|(capability, _)| !has(mask, *capability))
        .map(|(_, name)| name)
        .collect();
    if missing.is_empty() {
        return Finding::ok(NAME, "CAP_BPF and CAP_PERFMON: kernel programs may be loaded");
    }
    Finding::fail(
        NAME,
        format!("{} missing: kernel programs may not be loaded", missing.join(" and ")),
        "Run as root, or give the container CAP_BPF and CAP_PERFMON (privileged: true gives all).",
    )
}

/// Whether other users' processes may be looked at (kernel/ptrace.c, `ptrace_may_access`).
pub fn processes(context: &Context) -> Finding {
    const NAME: &str = "other processes";
    if has(effective(context), CAP_SYS_PTRACE) {
        Finding::ok(NAME, "CAP_SYS_PTRACE: programs of other users can be looked at")
    } else {
        Finding::warn(
            NAME,
            "CAP_SYS_PTRACE missing: programs of other users cannot be looked at in /proc",
            "Run as root, or give the container CAP_SYS_PTRACE.",
        )
    }
}

/// First kernel with links of many probes (`BPF_TRACE_UPROBE_MULTI`), which ask for nothing that
/// loading does not.
const LINKS_OF_PROBES: (u32, u32) = (6, 6);

/// Whether probes may be put into program files. Without links of many, each is a perf event (kernel/events/core.c,
/// `perf_uprobe_event_init`): `CAP_PERFMON` was enough from Linux 5.8 on, and is not in the stable kernels of July 2025 and later
/// (CVE-2025-38466).
pub fn probes(context: &Context) -> Finding {
    const NAME: &str = "probes in programs";
    const MEND: &str = "Run as root, or give the container CAP_SYS_ADMIN (privileged: true gives all).";
    let mask = effective(context);
    let release = context.host.release();
    let has_links = release.and_then(|text| parse_release(&text)).is_some_and(|it| it >= LINKS_OF_PROBES);
    if has(mask, CAP_SYS_ADMIN) {
        Finding::ok(NAME, "CAP_SYS_ADMIN: TLS of Go programs and of OpenSSL can be read")
    } else if has(mask, CAP_PERFMON) && has_links {
        Finding::ok(NAME, "CAP_PERFMON: TLS of Go programs and of OpenSSL can be read")
    } else if has(mask, CAP_PERFMON) {
        let reason = "CAP_SYS_ADMIN missing: kernels before 6.6 that have the fix of CVE-2025-38466 (July 2025) let nobody \
                      else read what programs send over TLS";
        Finding::warn(NAME, reason, MEND)
    } else {
        Finding::warn(NAME, "CAP_PERFMON missing: what programs send over TLS cannot be read", MEND)
    }
}

/// Whether programs may be attached to cgroups (kernel/bpf/syscall.c: `BPF_PROG_TYPE_CGROUP_SOCK_ADDR` is a network program).
pub fn cgroup_programs(context: &Context) -> Finding {
    const NAME: &str = "connects without a route";
    let mask = effective(context);
    if has(mask, CAP_NET_ADMIN) || has(mask, CAP_SYS_ADMIN) {
        Finding::ok(NAME, "CAP_NET_ADMIN: connects that fail for want of a route can be seen")
    } else {
        Finding::warn(
            NAME,
            "CAP_NET_ADMIN missing: connects that fail for want of a route cannot be seen",
            "Run as root, or give the container CAP_NET_ADMIN.",
        )
    }
}

/// Whether process ids here are those that the kernel programs see.
pub fn pid_namespace(context: &Context) -> Finding {
    pid_namespace_of(&context.host)
}

/// The same, for `run`, which must not begin elsewhere: it would watch the wrong processes.
pub fn pid_namespace_of(host: &Host) -> Finding {
    const NAME: &str = "pid namespace";
    match host.link("/proc/self/ns/pid") {
        Ok(namespace) if namespace == HOST_PID_NAMESPACE => Finding::ok(NAME, "the host's"),
        Ok(_) => Finding::fail(
            NAME,
            "a container's own: process ids differ from those that the kernel programs see",
            "Share the host's: hostPID: true in the pod, --pid=host for a container.",
        ),
        Err(error) => Finding::fail(NAME, format!("/proc/self/ns/pid: {error}"), "Mount procfs at /proc."),
    }
}
