//! Garbage collection: who removes images, containers and sandboxes, and in which cycles.
//!
//! The kubelet collects in cycles: it removes one thing after the other, and then nothing for a minute or five. What it removes
//! is known by who asks. Others remove what a person wants removed, or nobody knows why.

use std::collections::HashMap;
use std::sync::Arc;

use super::event::{Pid, TargetId};
use super::fact::{Fact, Remover, Resource, Status};
use super::outbox::Outbox;

/// A cycle is over when nothing was removed for so long, in nanoseconds.
const QUIET: u64 = 5 * 1_000_000_000;

/// Programs that are, or hold, a kubelet (k3s and `MicroK8s` have it inside).
const KUBELETS: [&[u8]; 4] = [b"kubelet", b"kubelite", b"k3s-server", b"k3s-agent"];
/// Programs that people use.
const TOOLS: [&[u8]; 7] = [b"crictl", b"ctr", b"nerdctl", b"docker", b"docker-compose", b"podman", b"curl"];

impl Remover {
    /// Whoever has this name (the kernel's comm).
    pub fn of(name: &[u8]) -> Self {
        if KUBELETS.contains(&name) {
            Self::Kubelet
        } else if TOOLS.contains(&name) {
            Self::User
        } else {
            Self::Unknown
        }
    }
}

/// Something that was to be removed.
#[derive(Clone, Copy)]
pub(super) struct Removal {
    pub runtime: TargetId,
    pub resource: Resource,
    pub remover: Remover,
    /// The process that asked.
    pub by: Option<Pid>,
    pub began: u64,
    pub ended: u64,
}

/// The cycles that go on.
#[derive(Default)]
pub(super) struct Collections(HashMap<(TargetId, Pid, Resource), Cycle>);

struct Cycle {
    began: u64,
    ended: u64,
    /// Held by what is being removed.
    removing: Removing,
}

/// Something is being removed: as long as this is kept, the cycle goes on in which that began.
#[derive(Clone, Default)]
pub(super) struct Removing(Arc<()>);

impl Collections {
    /// A removal begins in a cycle that goes on, if there is one.
    pub fn begun(&self, runtime: TargetId, by: Pid, resource: Resource) -> Option<Removing> {
        self.0.get(&(runtime, by, resource)).map(|cycle| cycle.removing.clone())
    }

    /// Something was removed, or was not.
    pub fn removed(&mut self, removal: Removal, status: Status, outbox: &Outbox) {
        let Removal { runtime, resource, remover, by, began, ended } = removal;
        match (status, remover) {
            (Status::Ok, _) => outbox.push(Fact::Reclaimed { runtime, resource, remover }),
            (Status::Error, Remover::Kubelet) => outbox.push(Fact::ReclaimFailed { runtime, resource }),
            // Not of a collection, as far as is known.
            (Status::Error, Remover::User | Remover::Unknown) => {}
        }
        if let (Remover::Kubelet, Some(by)) = (remover, by) {
            self.expire(began, outbox);
            let cycle = self.0.entry((runtime, by, resource)).or_insert_with(|| Cycle {
                began,
                ended,
                removing: Removing::default(),
            });
            cycle.began = cycle.began.min(began);
            cycle.ended = cycle.ended.max(ended);
        }
    }

    /// Ends the cycles in which nothing was removed for long enough.
    pub fn expire(&mut self, now: u64, outbox: &Outbox) {
        self.0.retain(|(runtime, _, resource), cycle| {
            let idle = Arc::strong_count(&cycle.removing.0) == 1;
            let over = idle && cycle.ended.saturating_add(QUIET) <= now;
            if over {
                let duration = cycle.ended.saturating_sub(cycle.began);
                outbox.push(Fact::GcCycle { runtime: *runtime, resource: *resource, duration });
            }
            !over
        });
    }
}
