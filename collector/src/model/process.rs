//! The watched processes, and what each has learned that tells registries apart.

use std::net::{IpAddr, SocketAddr};

use wire::oci::Kind;
use wire::registry::RegistryLabel;

use super::event::{Pid, TargetId};
use super::outbox::{Guard, Living, Outbox};
use super::pull::Link;
use super::recent::Recent;
use super::{Limits, reason};

/// How long a redirect is remembered after it was given or last followed. Signed URLs are mostly good for ten to twenty
/// minutes.
const REDIRECT_MEMORY: u64 = 20 * 60 * 1_000_000_000;

/// What a redirect led away from.
#[derive(Clone)]
pub(super) struct Redirect {
    pub registry: RegistryLabel,
    pub kind: Kind,
    /// The manifest or blob that was asked for.
    pub subject: Option<u64>,
    /// The place in a pull of the request that was redirected.
    pub link: Option<Link>,
}

/// What one process has learned.
pub(super) struct Memory {
    /// Names that DNS gave for addresses.
    names: Recent<IpAddr, RegistryLabel>,
    /// By the hash of the URL that it was sent to, with the time when it is forgotten.
    redirects: Recent<u64, (u64, Redirect)>,
    /// By the hash of the realm: the registry whose challenge named it.
    realms: Recent<u64, RegistryLabel>,
    /// Registries that it talked to, by address and port.
    peers: Recent<SocketAddr, RegistryLabel>,
}

impl Memory {
    fn new(limits: &Limits) -> Self {
        Self {
            names: Recent::new(limits.names),
            redirects: Recent::new(limits.redirects),
            realms: Recent::new(limits.realms),
            peers: Recent::new(limits.peers),
        }
    }

    pub fn learn_name(&mut self, address: IpAddr, registry: RegistryLabel) {
        self.names.insert(address, registry);
    }

    pub fn learn_redirect(&mut self, url: u64, redirect: Redirect, now: u64) {
        self.redirects.insert(url, (now.saturating_add(REDIRECT_MEMORY), redirect));
    }

    /// What led to this URL.
    pub fn redirect(&mut self, url: u64, now: u64) -> Option<Redirect> {
        let (forgotten, redirect) = self.redirects.get(&url)?;
        if *forgotten <= now {
            self.redirects.remove(&url);
            return None;
        }
        *forgotten = now.saturating_add(REDIRECT_MEMORY);
        Some(redirect.clone())
    }

    pub fn learn_realm(&mut self, realm: u64, registry: RegistryLabel) {
        self.realms.insert(realm, registry);
    }

    pub fn realm(&mut self, realm: u64) -> Option<RegistryLabel> {
        self.realms.get(&realm).cloned()
    }
}

struct Process {
    pid: Pid,
    living: Guard<Living>,
    /// When it was first seen.
    began: u64,
    /// Its TLS is read by probes.
    instrumented: bool,
    memory: Memory,
}

/// The table of processes.
pub(super) struct Processes {
    table: Recent<Pid, Process>,
    /// Like [`Memory::peers`], of all processes of a target.
    peers: Recent<(TargetId, SocketAddr), RegistryLabel>,
    limits: Limits,
    outbox: Outbox,
}

impl Processes {
    pub fn new(limits: &Limits, outbox: &Outbox) -> Self {
        Self {
            table: Recent::new(limits.processes),
            peers: Recent::new(limits.peers_of_all),
            limits: limits.clone(),
            outbox: outbox.clone(),
        }
    }

    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// The processes for which `stays` is false; it is told the process and when it began.
    pub fn all_but(&self, stays: impl Fn(Pid, u64) -> bool) -> Vec<Pid> {
        let began = |pid| self.table.peek(pid).map_or(0, |process| process.began);
        self.table.keys().filter(|pid| !stays(**pid, began(pid))).copied().collect()
    }

    /// A process is there. One that is known stays what it is. Gives the one that had to make room, if one had.
    pub fn began(&mut self, pid: Pid, target: TargetId, time: u64) -> Option<Pid> {
        if self.table.get(&pid).is_some() {
            return None;
        }
        let living = Guard::begin(&self.outbox, Living { process: target });
        let memory = Memory::new(&self.limits);
        let process = Process { pid, living, began: time, instrumented: false, memory };
        let evicted = self.table.insert(pid, process)?;
        let pid = evicted.pid;
        self.outbox.unattributed(reason::PROCESS_EVICTED);
        self.outbox.set_forced(true);
        drop(evicted);
        self.outbox.set_forced(false);
        Some(pid)
    }

    /// Whether probes that read its TLS are in place.
    pub fn set_instrumented(&mut self, pid: Pid, instrumented: bool) {
        if let Some(process) = self.table.get(&pid) {
            process.instrumented = instrumented;
        }
    }

    pub fn is_instrumented(&self, pid: Pid) -> bool {
        self.table.peek(&pid).is_some_and(|process| process.instrumented)
    }

    pub fn ended(&mut self, pid: Pid) {
        self.table.remove(&pid);
    }

    pub fn target(&self, pid: Pid) -> Option<TargetId> {
        self.table.peek(&pid).map(|process| process.living.of.process)
    }

    /// What the process has learned; `None` when it is not known (any more).
    pub fn memory(&mut self, pid: Pid) -> Option<&mut Memory> {
        self.table.get(&pid).map(|process| &mut process.memory)
    }

    /// The registry of the name that DNS gave the process for this address.
    pub fn named(&mut self, pid: Pid, address: IpAddr) -> Option<RegistryLabel> {
        self.memory(pid)?.names.get(&address).cloned()
    }

    /// The process talks to `registry` at `peer`.
    pub fn learn_peer(&mut self, pid: Pid, target: TargetId, peer: SocketAddr, registry: &RegistryLabel) {
        if let Some(memory) = self.memory(pid) {
            memory.peers.insert(peer, registry.clone());
        }
        self.peers.insert((target, peer), registry.clone());
    }

    /// The registry that the process, else any of its target, last talked to at `peer`.
    pub fn met(&mut self, pid: Pid, target: TargetId, peer: SocketAddr) -> Option<RegistryLabel> {
        let own = self.memory(pid).and_then(|memory| memory.peers.get(&peer).cloned());
        own.or_else(|| self.peers.get(&(target, peer)).cloned())
    }
}
