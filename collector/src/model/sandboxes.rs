//! Pod sandboxes: what handler each was created with, and whether anything was ever started in it.

use std::collections::HashSet;
use std::sync::Arc;

use super::event::TargetId;
use super::fact::{Fact, Status};
use super::hashes::Hashes;
use super::outbox::Outbox;
use super::pull::record::Isolation;
use super::recent::Recent;

/// Sandboxes, and containers, that are remembered; a node has some hundreds.
const MOST: usize = 16_384;
/// Handlers that are told apart.
const MOST_HANDLERS: usize = 32;
/// Longest name of a handler: it is that of a `RuntimeClass`, a DNS label (Kubernetes, "Runtime Class").
const LONGEST_HANDLER: usize = 63;

/// The sandboxes of all runtimes.
pub(super) struct Sandboxes {
    /// By a hash of the id.
    known: Recent<u64, Sandbox>,
    /// The sandbox that a container is in.
    containers: Recent<u64, u64>,
    /// By a hash of target and uid: the handler that a pod's last sandbox was asked for with.
    pods: Recent<u64, Isolation>,
    handlers: HashSet<Arc<str>>,
    hashes: Hashes,
}

struct Sandbox {
    handler: Isolation,
    /// A container was started in it, or may have been.
    used: bool,
}

/// A sandbox that was to be created.
pub(super) struct Created {
    pub runtime: TargetId,
    /// As it was asked for: empty where it is the runtime's to choose; `None` where it could not be read.
    pub handler: Option<String>,
    /// The pod's uid.
    pub pod: Option<String>,
    pub id: Option<String>,
}

impl Sandboxes {
    pub fn new(hashes: Hashes) -> Self {
        Self {
            known: Recent::new(MOST),
            containers: Recent::new(MOST),
            pods: Recent::new(MOST),
            handlers: HashSet::new(),
            hashes,
        }
    }

    /// The label of a handler. Handlers are few and have the names of DNS labels; what is not so is `other`.
    pub fn handler(&mut self, name: &str) -> Isolation {
        if name.is_empty() {
            return Isolation("default".into());
        }
        if let Some(known) = self.handlers.get(name) {
            return Isolation(Arc::clone(known));
        }
        let proper = name.len() <= LONGEST_HANDLER
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.' | b'_'));
        if !proper || self.handlers.len() == MOST_HANDLERS {
            return Isolation("other".into());
        }
        let name: Arc<str> = name.into();
        self.handlers.insert(Arc::clone(&name));
        Isolation(name)
    }

    /// The handler that the sandbox of a pod was asked for with.
    pub fn handler_of_pod(&mut self, runtime: TargetId, pod: &str) -> Option<Isolation> {
        let pod = self.pod(runtime, pod);
        self.pods.get(&pod).cloned()
    }

    /// A sandbox was created, or was not. One that failed is cleaned up by the runtime itself, so it counts as rolled back.
    pub fn created(&mut self, created: Created, status: Status, duration: u64, outbox: &Outbox) {
        let Created { runtime, handler, pod, id } = created;
        let handler = match handler {
            Some(handler) => self.handler(&handler),
            None => unknown(),
        };
        if let Some(pod) = pod.filter(|pod| !pod.is_empty()) {
            let pod = self.pod(runtime, &pod);
            self.pods.insert(pod, handler.clone());
        }
        if let (Status::Ok, Some(id)) = (status, &id) {
            let sandbox = Sandbox { handler: handler.clone(), used: false };
            self.known.insert(self.hashes.id(id), sandbox);
        }
        outbox.push(Fact::SandboxCreated { runtime, handler: handler.clone(), status, duration });
        if status == Status::Error {
            outbox.push(Fact::SandboxRolledBack { runtime, handler });
        }
    }

    /// A container was created in a sandbox. One whose id is not known may be started without anybody noticing.
    pub fn container_created(&mut self, sandbox: &str, container: Option<&str>) {
        let sandbox = self.hashes.id(sandbox);
        if let Some(container) = container {
            self.containers.insert(self.hashes.id(container), sandbox);
        } else if let Some(sandbox) = self.known.get(&sandbox) {
            sandbox.used = true;
        }
    }

    /// A container was started.
    pub fn container_started(&mut self, container: &str) {
        let container = self.hashes.id(container);
        if let Some(sandbox) = self.containers.remove(&container)
            && let Some(sandbox) = self.known.get(&sandbox)
        {
            sandbox.used = true;
        }
    }

    /// A sandbox was removed, or was not. Of one that is older than the collector nothing more is known.
    pub fn removed(&mut self, runtime: TargetId, id: Option<&str>, status: Status, outbox: &Outbox) {
        let id = id.map(|id| self.hashes.id(id));
        let sandbox = match status {
            Status::Ok => id.and_then(|id| self.known.remove(&id)),
            Status::Error => None,
        };
        let known = id.and_then(|id| self.known.peek(&id)).or(sandbox.as_ref());
        let handler = known.map_or_else(unknown, |sandbox| sandbox.handler.clone());
        outbox.push(Fact::SandboxDeleted { runtime, handler, status });
        if let Some(Sandbox { handler, used: false }) = sandbox {
            outbox.push(Fact::SandboxRolledBack { runtime, handler });
        }
    }

    fn pod(&self, runtime: TargetId, uid: &str) -> u64 {
        self.hashes.id(&format!("{} {uid}", runtime.0))
    }
}

fn unknown() -> Isolation {
    Isolation("unknown".into())
}
