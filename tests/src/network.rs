//! Network namespaces of a test's own, with addresses that fail in the ways that networks fail.
//!
//! Everything stands in the namespace and goes when it is dropped. Addresses are from the documentation blocks
//! (RFC 5737) and the benchmark block (RFC 2544): they exist nowhere else, and a packet that left would reach nobody.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::place::Place;
use crate::process::run;

/// A network namespace with loopback up, a blackhole and an unreachable net; removed when dropped.
pub struct Namespace {
    name: String,
    number: u32,
}

/// A wire between the namespace and the machine.
#[derive(Clone, Copy, Debug)]
pub struct Wire {
    /// The machine's end: servers on the machine listen here for clients in the namespace.
    pub machine: Ipv4Addr,
    /// The namespace's end.
    pub namespace: Ipv4Addr,
}

/// Counters of TCP (RFC 4022) of one network namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpCounters {
    /// Connects that sent a SYN. One that finds no route does not get that far.
    pub active_opens: u64,
    /// Connects that were refused, unreachable or timed out. Not those that the program gave up.
    pub attempt_fails: u64,
}

impl Namespace {
    /// An address that swallows every packet: a connect gets no answer at all.
    pub const BLACKHOLE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 7);
    /// An address for which the routing table says "unreachable": a connect fails at once (EHOSTUNREACH).
    pub const UNREACHABLE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 7);
    /// An address without any route: a connect fails at once (ENETUNREACH).
    pub const NO_ROUTE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 7);
    /// An address on a link where no neighbour has it: a connect fails after about three seconds of ARP requests
    /// without an answer (EHOSTUNREACH).
    pub const NO_NEIGHBOUR: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 8);

    /// A new namespace.
    #[track_caller]
    pub fn new() -> Arc<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        remove_left_behind();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("pullscope-{}-{number}", std::process::id());
        ip(&Place::machine(), &format!("netns add {name}"));
        let namespace = Arc::new(Self { name, number });
        let inside = Place::machine().inside(&namespace);
        ip(&inside, "link set lo up");
        // The kernels of test machines often have no dummy device. A veth pair with both ends in here does the same:
        // frames for a hardware address that the other end does not have are dropped by it without a word.
        ip(&inside, "link add hole0 type veth peer name hole1");
        ip(&inside, "link set hole0 up");
        ip(&inside, "link set hole1 up");
        ip(&inside, "addr add 192.0.2.1/24 dev hole0");
        let hole = Self::BLACKHOLE;
        ip(&inside, &format!("neigh add {hole} lladdr 02:00:00:00:00:99 dev hole0 nud permanent"));
        ip(&inside, "route add unreachable 198.51.100.0/24");
        namespace
    }

    /// The file that stands for the namespace (`ip-netns(8)`).
    pub fn file(&self) -> PathBuf {
        PathBuf::from("/run/netns").join(&self.name)
    }

    /// Lets a connect without an answer fail by itself (ETIMEDOUT) after about three seconds instead of two minutes,
    /// before a client's own deadline: one SYN and one retry (`tcp(7)`, `tcp_syn_retries`).
    #[track_caller]
    pub fn give_up_connects_early(self: &Arc<Self>) {
        let mut command = Place::machine().inside(self).command("/bin/sh");
        command.args(["-c", "echo 1 > /proc/sys/net/ipv4/tcp_syn_retries"]);
        let _ = run(command).expect_ok();
    }

    /// What the kernel has counted in here. Only TCP of this namespace is in it: an oracle for connects that no server
    /// sees.
    #[track_caller]
    pub fn tcp(self: &Arc<Self>) -> TcpCounters {
        let mut command = Place::machine().inside(self).command("/bin/cat");
        command.arg("/proc/net/snmp");
        let text = run(command).expect_ok().stdout;
        let mut lines = text.lines().filter_map(|line| line.strip_prefix("Tcp: "));
        let (names, values) = (lines.next().expect("names of counters"), lines.next().expect("values"));
        let find = |wanted| {
            let mut pairs = names.split(' ').zip(values.split(' '));
            pairs
                .find(|(name, _)| *name == wanted)
                .and_then(|(_, value)| value.parse().ok())
                .expect("a counter")
        };
        TcpCounters { active_opens: find("ActiveOpens"), attempt_fails: find("AttemptFails") }
    }

    /// Lays a wire to the machine. The namespace's end of it is the machine's only in name: no traffic is forwarded.
    #[track_caller]
    pub fn wire(self: &Arc<Self>) -> Wire {
        let (outer, inner) = (format!("ps{}-{}", std::process::id(), self.number), "wire");
        // 198.18.0.0/15 holds 32768 nets of four addresses; the pid keeps test programs that run at once apart.
        let net = (std::process::id().wrapping_mul(64).wrapping_add(self.number)) % 32768;
        let base = u32::from(Ipv4Addr::new(198, 18, 0, 0)) + net * 4;
        let wire = Wire { machine: Ipv4Addr::from(base + 1), namespace: Ipv4Addr::from(base + 2) };
        let machine = Place::machine();
        let inside = Place::machine().inside(self);
        ip(&machine, &format!("link add {outer} type veth peer name {inner} netns {}", self.name));
        ip(&machine, &format!("addr add {}/30 dev {outer}", wire.machine));
        ip(&machine, &format!("link set {outer} up"));
        ip(&inside, &format!("addr add {}/30 dev {inner}", wire.namespace));
        ip(&inside, &format!("link set {inner} up"));
        wire
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // The devices go with the namespace, and so do the machine's ends of the wires.
        let mut command = Place::machine().command("ip");
        command.args(["netns", "del", &self.name]);
        let outcome = run(command);
        if !outcome.ok() {
            eprintln!("network namespace {} is left behind: {}", self.name, outcome.stderr);
        }
    }
}

/// A test program that was killed could not remove its namespaces.
fn remove_left_behind() {
    let Ok(entries) = fs::read_dir("/run/netns") else { return };
    for name in entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()) {
        let owner = name.strip_prefix("pullscope-").and_then(|rest| rest.split_once('-')).map(|(pid, _)| pid);
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            let mut command = Place::machine().command("ip");
            command.args(["netns", "del", &name]);
            // Another test program may be faster.
            let _ = run(command);
        }
    }
}

#[track_caller]
fn ip(place: &Place, arguments: &str) {
    let mut command = place.command("ip");
    command.args(arguments.split(' '));
    let _ = run(command).expect_ok();
}
