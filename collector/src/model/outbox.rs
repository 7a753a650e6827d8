//! Where facts leave the model, and the guards that give every beginning its end.
//!
//! An in-flight gauge is right only if each of its +1 meets exactly one −1, whichever way a thing ends: its own end, the
//! close, the death of the process, eviction, a resync. So the end is not called for: it is what dropping a [`Guard`]
//! does, and a thing that is no longer in the model's tables cannot have kept its guard.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wire::http::Method;
use wire::oci::Kind;

use super::event::TargetId;
use super::fact::{Client, Fact, Role};

/// The facts of the event that is being worked on. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Outbox(Arc<Mutex<Contents>>);

#[derive(Default)]
struct Contents {
    facts: Vec<Fact>,
    forced: bool,
}

impl Outbox {
    pub fn push(&self, fact: Fact) {
        self.contents().facts.push(fact);
    }

    pub fn unattributed(&self, reason: &'static str) {
        self.push(Fact::Unattributed { reason });
    }

    /// Moves all facts to the end of `facts`.
    pub fn drain_into(&self, facts: &mut Vec<Fact>) {
        facts.append(&mut self.contents().facts);
    }

    /// From now on (until it is called with `false`) ends are not seen but concluded, and counted as corrections. Gives what
    /// was so before.
    pub fn set_forced(&self, forced: bool) -> bool {
        std::mem::replace(&mut self.contents().forced, forced)
    }

    fn end(&self, end: Fact, gauge: &'static str) {
        let mut contents = self.contents();
        contents.facts.push(end);
        if contents.forced {
            contents.facts.push(Fact::Corrected { gauge });
        }
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        // Nothing here panics while it holds the lock, and facts stay whole if anything does.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Something that goes on and is counted in a gauge meanwhile. Both facts take their labels from the same fields.
pub(super) trait InFlight {
    /// Name of the gauge without the `pullscope_` prefix.
    const GAUGE: &'static str;
    /// The fact that moves it up.
    fn began(&self) -> Fact;
    /// The fact that moves it down.
    fn ended(&self) -> Fact;
}

/// Reports the beginning when it is made and the end when it is dropped.
pub(super) struct Guard<T: InFlight> {
    outbox: Outbox,
    /// What goes on.
    pub of: T,
}

impl<T: InFlight> Guard<T> {
    pub fn begin(outbox: &Outbox, of: T) -> Self {
        outbox.push(of.began());
        Self { outbox: outbox.clone(), of }
    }
}

impl<T: InFlight> Drop for Guard<T> {
    fn drop(&mut self) {
        self.outbox.end(self.of.ended(), T::GAUGE);
    }
}

/// A watched process lives.
pub(super) struct Living {
    pub process: TargetId,
}

impl InFlight for Living {
    const GAUGE: &'static str = "processes_watched";

    fn began(&self) -> Fact {
        Fact::ProcessBegan { process: self.process }
    }

    fn ended(&self) -> Fact {
        Fact::ProcessEnded { process: self.process }
    }
}

/// A connection whose side is known is open.
pub(super) struct Open {
    pub process: TargetId,
    pub role: Role,
}

impl InFlight for Open {
    const GAUGE: &'static str = "connections_open";

    fn began(&self) -> Fact {
        Fact::ConnectionBegan { process: self.process, role: self.role }
    }

    fn ended(&self) -> Fact {
        Fact::ConnectionEnded { process: self.process, role: self.role }
    }
}

/// What is known of the answer when an exchange ends.
#[derive(Clone, Copy, Default)]
pub(super) struct Known {
    pub code: Option<u16>,
    pub first_byte: Option<u64>,
    pub duration: Option<u64>,
}

/// A request was sent, its answer has not come to its end.
pub(super) struct Asking {
    pub client: Client,
    pub kind: Kind,
    pub method: Method,
    pub known: Known,
}

impl InFlight for Asking {
    const GAUGE: &'static str = "registry_requests_in_flight";

    fn began(&self) -> Fact {
        Fact::RequestBegan(self.client.clone())
    }

    fn ended(&self) -> Fact {
        let Known { code, first_byte, duration } = self.known;
        Fact::RequestEnded {
            client: self.client.clone(),
            kind: self.kind,
            method: self.method,
            code,
            duration,
            first_byte,
        }
    }
}

/// A request was received, its answer has not left to its end.
pub(super) struct Answering {
    pub process: TargetId,
    pub kind: Kind,
    pub method: Method,
    pub known: Known,
}

impl InFlight for Answering {
    const GAUGE: &'static str = "served_requests_in_flight";

    fn began(&self) -> Fact {
        Fact::ServedBegan { process: self.process }
    }

    fn ended(&self) -> Fact {
        Fact::ServedEnded {
            process: self.process,
            kind: self.kind,
            method: self.method,
            code: self.known.code,
            duration: self.known.duration,
        }
    }
}
