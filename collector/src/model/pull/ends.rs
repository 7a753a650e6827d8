//! When a pull is over that no API asked for: nobody says so.
//!
//! A program that was started to pull has done so when it exits, or when it begins with the next image. One that pulls to run
//! something has done so when it starts what runs containers. Of all others a pull is over when all that its manifest names
//! has come, or when nothing more has come for a while.

use wire::registry::RegistryLabel;
use wire::trouble::Trouble;

use super::Pulls;
use super::one::Pull;
use super::puller::{Puller, is_runner};
use super::record::{PullEnd, PullId, PullStatus, Source};
use super::troubles::With;
use crate::model::event::{Ending, Pid, Purpose};
use crate::model::fact::{Client, ConnectResult, LookupResult};

/// How long nothing may come of a pull that is not complete, in nanoseconds.
const QUIET: u64 = 10 * 1_000_000_000;

impl Pulls {
    /// A process came to nothing on its way to a registry.
    pub fn unreached(&mut self, pid: Pid, client: &Client, trouble: Trouble, time: u64) {
        let Some(puller) = self.pullers.get(&pid) else { return };
        let is_client = puller.is_client();
        let pulls = puller.pulls.iter().filter_map(|id| self.table.get(id));
        let same = |pull: &Pull| {
            // Clients that may speak plain HTTP try TLS first.
            if trouble == Trouble::Tls && pull.has_answers() {
                return false;
            }
            pull.client.registry == client.registry || client.registry == RegistryLabel::Unknown || is_client
        };
        let mut concerned: Vec<PullId> =
            pulls.filter(|pull| pull.in_flight == 0 && same(pull)).map(|pull| pull.id).collect();
        if concerned.is_empty() {
            // A runtime may reach a registry by another name than the image has.
            concerned = match puller.pulls[..] {
                [only] if trouble != Trouble::Tls => vec![only],
                [] if is_client => self.begin_by_client(pid, client.clone(), time).into_iter().collect(),
                _ => Vec::new(),
            };
        }
        for id in concerned {
            self.change(id, |pull| {
                pull.last = pull.last.max(time);
                pull.has_trouble(With::Connection, trouble);
            });
            if self.table.get(&id).is_some_and(|pull| pull.source == Source::Traffic) {
                // Nobody will say that it is given up.
                self.settle(id, time);
            } else {
                self.rest(id, None);
            }
        }
    }

    /// The process is gone, or has become another program.
    pub fn process_ended(&mut self, pid: Pid, how: &Ending, time: u64) {
        if let Ending::Became(comm) = how
            && let Some(parent) = self.pullers.get(&pid).and_then(|puller| puller.parent)
            && is_runner(comm)
        {
            self.runs(parent, time);
        }
        let pulls = self.pullers.get(&pid).map_or(Vec::new(), |puller| puller.pulls.clone());
        for id in pulls {
            if let Some(end) = self.table.get(&id).map(|pull| exited(pull, how, time)) {
                self.end(id, end);
            }
        }
        self.pullers.remove(&pid);
    }

    /// Of processes that do not stay nothing more will be told.
    pub fn keep(&mut self, stays: impl Fn(Pid) -> bool, time: u64) {
        let began = |puller: &Puller| puller.began > time;
        let gone = self.pullers.iter().filter(|(pid, puller)| !stays(**pid) && !began(puller));
        let gone: Vec<Pid> = gone.map(|(pid, _)| *pid).collect();
        for pid in gone {
            self.process_ended(pid, &Ending::Unknown, time);
        }
    }

    /// A program that pulls to run something runs it.
    fn runs(&mut self, pid: Pid, time: u64) {
        let Some(puller) = self.pullers.get(&pid) else { return };
        if puller.purpose == Some(Purpose::Run) {
            self.end_before(pid, time);
        }
    }

    /// A client program goes on to something else: what it has pulled up to now is there, or is given up.
    pub(super) fn end_before(&mut self, pid: Pid, time: u64) {
        let pulls = self.pullers.get(&pid).map_or(Vec::new(), |puller| puller.pulls.clone());
        for id in pulls {
            let Some(pull) = self.table.get(&id) else { continue };
            if pull.source == Source::Client && pull.in_flight == 0 && pull.resolved {
                let end = by_traffic(pull, time);
                self.end(id, end);
            }
        }
    }

    /// Gives up what has been quiet for long enough, and tells the log what has changed.
    pub fn expire(&mut self, now: u64) {
        while let Some(&(deadline, id)) = self.deadlines.first()
            && deadline <= now
        {
            self.deadlines.pop_first();
            let Some(pull) = self.table.get_mut(&id) else { continue };
            pull.deadline = None;
            if let Some(end) = pull.closing {
                self.finish(id, end);
            } else {
                let end = by_traffic(pull, pull.last);
                self.end(id, end);
            }
        }
        self.tell_changed(now);
    }

    /// A request has ended: the pull may be complete, or be quiet from now on.
    pub(super) fn settle(&mut self, id: PullId, time: u64) {
        let Some(pull) = self.table.get(&id) else { return };
        if pull.in_flight > 0 {
            return;
        }
        if let Some(end) = pull.closing {
            return self.finish(id, end);
        }
        if pull.is_by_api() {
            return;
        }
        let purpose = self.pullers.get(&pull.pid).and_then(|puller| puller.purpose);
        match (pull.source, purpose) {
            // It has to store what has come, which takes its time.
            (Source::Client, Some(Purpose::Pull)) => {}
            (Source::Traffic, _) if pull.counts() && pull.is_complete() => {
                let end = by_traffic(pull, pull.last);
                self.end(id, end);
            }
            _ => self.rest(id, Some(time.saturating_add(QUIET))),
        }
    }

    /// From now on the pull is over when nothing comes until then.
    pub(super) fn rest(&mut self, id: PullId, until: Option<u64>) {
        let Some(pull) = self.table.get_mut(&id) else { return };
        if let Some(before) = pull.deadline.take() {
            self.deadlines.remove(&(before, id));
        }
        pull.deadline = until;
        if let Some(until) = until {
            self.deadlines.insert((until, id));
        }
    }
}

/// How a pull stands when nothing more is asked of the registry.
fn by_traffic(pull: &Pull, time: u64) -> PullEnd {
    match pull.troubles.last() {
        Some(trouble) => PullEnd { time, status: PullStatus::Error, trouble: Some(trouble) },
        None if pull.resolved => PullEnd { time, status: PullStatus::Ok, trouble: None },
        None => PullEnd { time, status: PullStatus::Unknown, trouble: None },
    }
}

/// How a pull has ended whose process ended so.
fn exited(pull: &Pull, how: &Ending, time: u64) -> PullEnd {
    let failed = |trouble| PullEnd { time, status: PullStatus::Error, trouble: Some(trouble) };
    match how {
        Ending::Killed(_) => failed(Trouble::Killed),
        // What served others is gone, and with it what it pulled for them.
        Ending::Exited(_) if pull.is_by_api() => failed(Trouble::Killed),
        Ending::Exited(0) if pull.source == Source::Client => {
            PullEnd { time, status: PullStatus::Ok, trouble: None }
        }
        Ending::Exited(_) if pull.source == Source::Client => {
            failed(pull.troubles.last().unwrap_or(Trouble::Other))
        }
        Ending::Exited(_) => by_traffic(pull, time),
        Ending::Became(_) | Ending::Unknown => PullEnd { time, status: PullStatus::Unknown, trouble: None },
    }
}

/// Why a connection did not come about; `None` where it did, or where nothing can be said.
pub(in crate::model) fn of_connect(result: ConnectResult) -> Option<Trouble> {
    match result {
        ConnectResult::Ok => None,
        ConnectResult::Refused => Some(Trouble::ConnectionRefused),
        // Who closes a socket that is not connected yet has waited long enough, as a rule; where the whole pull was given up,
        // that is told by something else.
        ConnectResult::Timeout | ConnectResult::Canceled => Some(Trouble::Timeout),
        ConnectResult::Unreachable => Some(Trouble::Unreachable),
        ConnectResult::Reset => Some(Trouble::Reset),
        ConnectResult::Other => Some(Trouble::Other),
    }
}

/// Why a name led nowhere.
pub(in crate::model) fn of_lookup(result: LookupResult) -> Option<Trouble> {
    match result {
        LookupResult::Ok => None,
        LookupResult::Nxdomain | LookupResult::Servfail | LookupResult::Timeout | LookupResult::Other => {
            Some(Trouble::Dns)
        }
    }
}
