//! Loading and attaching the kernel programs.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use anyhow::{Context, anyhow};
use aya::maps::{HashMap, Map, MapData, MapError, PerCpuArray, RingBuf};
use aya::programs::{CgroupAttachMode, CgroupSockAddr, RawTracePoint};
use aya::sys::{Stats, enable_stats};
use aya::{Ebpf, EbpfLoader};
#[cfg(feature = "kernel-log")]
use aya_log::EbpfLogger;
use collector_common::conn::{Conn, Direction};
use collector_common::event::Layer;
use collector_common::{PID_LIMIT, key};
use tracing::warn;
#[cfg(feature = "kernel-log")]
use tracing_log::LogTracer;

use super::btf::Btf;
use super::load::{explain, program, refused};
use super::multi::Loader;
use super::shared_array::SharedArray;
use super::strategy::Strategy;
use super::uprobes::{Instrumented, Uprobes};
use super::{cgroup, offsets, registers};

/// The compiled kernel programs; empty in a build that was made without their toolchain.
static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/pullscope.bpf.o"));

/// The programs that every strategy needs, each with its tracepoint. Processes come first: who is watched must be known
/// before I/O is seen.
const ALWAYS: [(&str, &str); 5] = [
    ("process_exec", "sched_process_exec"),
    ("process_fork", "sched_process_fork"),
    ("process_exit", "sched_process_exit"),
    ("tcp_destroy", "tcp_destroy_sock"),
    ("sock_set_state", "inet_sock_set_state"),
];

/// The programs that see `connect` calls before a route is chosen.
const CONNECTS: [&str; 2] = ["connect_v4", "connect_v6"];

/// Whether the kernel programs are in this build.
pub fn embedded() -> bool {
    !OBJECT.is_empty()
}

/// What loading needs to know.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The wanted strategy; none leaves the choice to what the kernel has.
    pub strategy: Option<Strategy>,
    /// Size of the ring buffer in bytes: a power of two, at least a page.
    pub ring_buffer_bytes: u32,
    /// Connections that can be followed at once.
    pub max_connections: u32,
    /// Whether the kernel measures the programs, as long as they are loaded.
    pub measure: bool,
}

/// What the kernel has measured of a program.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// The program's name.
    pub name: &'static str,
    /// Times that it ran.
    pub runs: u64,
    /// Time that it ran, in nanoseconds.
    pub nanoseconds: u64,
}

/// How far a stream has come, as the kernel's tables have it.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    /// The connection's socket.
    pub sock: u64,
    /// Which of its streams.
    pub layer: Layer,
    /// Its state.
    pub state: Conn,
}

/// One kernel program and whether it is attached.
#[derive(Clone, Debug)]
pub struct Probe {
    /// Its name.
    pub name: &'static str,
    /// Why it is not attached, if it is not.
    pub missing: Option<String>,
}

/// The loaded and attached programs with their maps. Dropping it detaches them.
pub struct Programs {
    /// The events, in the order in which they happened on each CPU.
    pub events: RingBuf<MapData>,
    /// Live connections by the key of their socket.
    pub connections: HashMap<MapData, u64, Conn>,
    /// The streams inside the TLS of those that OpenSSL reads and writes, by the same key.
    decrypted: HashMap<MapData, u64, Conn>,
    /// How far the frames of HTTP/2 have been walked, and those whose payload has not come to its end: only to be taken out.
    walks: HashMap<MapData, u64, [u8; key::WALK_SIZE]>,
    partials: HashMap<MapData, u64, [u8; key::PARTIAL_SIZE]>,
    /// Target of each command name.
    pub comms: HashMap<MapData, [u8; collector_common::COMM_LEN], u32>,
    /// Target of each watched process.
    pub processes: HashMap<MapData, u32, u32>,
    /// What was lost.
    pub counters: PerCpuArray<MapData, u64>,
    /// One bit per process id: watched.
    pub watched: SharedArray,
    /// Element 0 tells the programs whether the collector sleeps.
    pub sleeping: SharedArray,
    /// How I/O is seen.
    pub strategy: Strategy,
    /// Every program.
    pub probes: Vec<Probe>,
    /// The kernel measures as long as this is open.
    measuring: Option<OwnedFd>,
    uprobes: Uprobes,
    ebpf: Ebpf,
    #[cfg(feature = "kernel-log")]
    log: EbpfLogger<LogTracer>,
}

impl Programs {
    /// Loads the programs. Nothing is observed before [`Programs::attach`].
    pub fn load(options: &Options) -> anyhow::Result<Self> {
        if !embedded() {
            return Err(anyhow!("this build has no kernel programs: build with `cargo xtask build`"));
        }
        let btf = Btf::of_running_kernel()?;
        let strategy = Strategy::choose(options.strategy, &btf)?;
        let offsets = offsets::resolve(&btf)?;
        drop(btf);
        let calls = registers::call_table();
        let mut ebpf = EbpfLoader::new()
            .btf(None)
            .override_global("OFFSETS", &offsets, true)
            .override_global("CALL_TABLE", &calls, true)
            .map_max_entries("EVENTS", options.ring_buffer_bytes)
            .map_max_entries("CONNECTIONS", options.max_connections)
            .map_max_entries("DECRYPTED", options.max_connections)
            .map_max_entries("WALKS", options.max_connections)
            .load(OBJECT)
            .map_err(|error| refused(anyhow!(error)))?;
        let loader = Loader::new(OBJECT, &ebpf)?;
        let watched = shared(&ebpf, "WATCHED", PID_LIMIT as usize / 64)?;
        let sleeping = shared(&ebpf, "SLEEPING", 1)?;
        Ok(Self {
            events: take(&mut ebpf, "EVENTS")?,
            connections: take(&mut ebpf, "CONNECTIONS")?,
            decrypted: take(&mut ebpf, "DECRYPTED")?,
            walks: take(&mut ebpf, "WALKS")?,
            partials: take(&mut ebpf, "PARTIALS")?,
            comms: take(&mut ebpf, "COMMS")?,
            processes: take(&mut ebpf, "PROCESSES")?,
            counters: take(&mut ebpf, "COUNTERS")?,
            watched,
            sleeping,
            strategy,
            probes: Vec::new(),
            measuring: options.measure.then(|| enable_stats(Stats::RunTime)).transpose()?,
            #[cfg(feature = "kernel-log")]
            log: EbpfLogger::init_with_logger(&mut ebpf, LogTracer::new())?,
            uprobes: Uprobes::new(take(&mut ebpf, "LAYOUTS")?, loader),
            ebpf,
        })
    }

    /// How far a connection has come, and what is inside its TLS where that is known; nothing for one that is gone.
    pub fn told_of(&self, sock: u64) -> impl Iterator<Item = Told> + use<> {
        let layers = [(Layer::Socket, &self.connections), (Layer::Decrypted, &self.decrypted)];
        layers
            .map(|(layer, map)| Some(Told { sock, layer, state: map.get(&sock, 0).ok()? }))
            .into_iter()
            .flatten()
    }

    /// Forgets a connection whose end the programs cannot see, and all that hangs on it.
    pub fn forget(&mut self, sock: u64) -> Result<(), MapError> {
        let forgotten = self.connections.remove(&sock);
        // Most have none of these.
        let _ = self.decrypted.remove(&sock);
        for layer in [Layer::Socket, Layer::Decrypted] {
            let _ = self.walks.remove(&key::of_walk(sock, layer));
            for direction in [Direction::Received, Direction::Sent] {
                let _ = self.partials.remove(&key::of_partial(sock, layer, direction));
            }
        }
        forgotten
    }

    /// Puts probes into a program file: as long as what is returned lives, every process that runs the file has them.
    pub fn instrument(&mut self, file: &File, wanted: &binary::Program) -> anyhow::Result<Instrumented> {
        self.uprobes.instrument(&mut self.ebpf, file, wanted)
    }

    /// Passes on what the programs have logged, in builds where they do.
    pub fn flush_log(&mut self) {
        #[cfg(feature = "kernel-log")]
        self.log.flush();
    }

    /// What each program has cost since it was loaded; nothing unless the kernel was to measure.
    pub fn costs(&self) -> Vec<Cost> {
        if self.measuring.is_none() {
            return Vec::new();
        }
        let cost = |name: &'static str| {
            let info = self.ebpf.program(name)?.info().ok()?;
            let nanoseconds = u64::try_from(info.run_time().as_nanos()).unwrap_or(u64::MAX);
            Some(Cost { name, runs: info.run_count(), nanoseconds })
        };
        let always = self.probes.iter().map(|probe| probe.name);
        always.chain(self.uprobes.loaded()).filter_map(cost).collect()
    }

    /// Attaches all programs. Those that see `connect` need the unified cgroup hierarchy; without it the rest goes on, and
    /// connects that fail for want of a route are not seen.
    pub fn attach(&mut self) -> anyhow::Result<()> {
        for (name, tracepoint) in ALWAYS.iter().chain(self.strategy.programs()) {
            let program: &mut RawTracePoint = program(&mut self.ebpf, name)?;
            program
                .load()
                .and_then(|()| program.attach(tracepoint).map(drop))
                .map_err(|error| refused(explain(error)))
                .with_context(|| format!("cannot attach {name} to the tracepoint {tracepoint}"))?;
            self.probes.push(Probe { name, missing: None });
        }
        for name in CONNECTS {
            let missing = attach_connect(&mut self.ebpf, name).err().map(|error| format!("{error:#}"));
            if let Some(reason) = &missing {
                warn!(probe = name, reason, "connects that fail for want of a route will not be seen");
            }
            self.probes.push(Probe { name, missing });
        }
        Ok(())
    }
}

fn attach_connect(ebpf: &mut Ebpf, name: &str) -> anyhow::Result<()> {
    let place = cgroup::root(Path::new("/"))?;
    let root = File::open(&place).with_context(|| format!("cannot open {}", place.display()))?;
    let program: &mut CgroupSockAddr = program(ebpf, name)?;
    program.load().map_err(explain)?;
    // A link always allows other programs beside it, and takes no flag that says so (kernel/bpf/cgroup.c:
    // `cgroup_bpf_link_attach`).
    program.attach(root, CgroupAttachMode::Single)?;
    Ok(())
}

fn take<T: TryFrom<Map, Error = MapError>>(ebpf: &mut Ebpf, name: &str) -> anyhow::Result<T> {
    let map = ebpf.take_map(name).with_context(|| format!("this build has no map {name}"))?;
    Ok(map.try_into()?)
}

fn shared(ebpf: &Ebpf, name: &str, len: usize) -> anyhow::Result<SharedArray> {
    match ebpf.map(name) {
        Some(Map::Array(map)) => SharedArray::new(map.fd().as_fd(), len),
        _ => Err(anyhow!("this build has no array map {name}")),
    }
}
