//! Served requests that failed, and what went wrong upstream meanwhile: which belongs to which.
//!
//! A proxy asks upstream soon after it was asked, and answers as soon as it knows. So of what happened upstream while a request was
//! served, what took most nearly as long is what it is for, and first of all what asked for the same path. This is decided a
//! while after the answer, when all is told: some programs answer before they close the connection that failed them. Each trouble
//! is the reason of one failed request, and each answer is relayed once.

use std::collections::VecDeque;

use crate::model::event::TargetId;
use crate::model::fact::{Fact, ProxyTrouble};
use crate::model::outbox::Outbox;

/// How long a failed request waits for its reason, in nanoseconds.
pub(super) const PATIENCE: u64 = 500_000_000;
/// Failed requests that wait, troubles, and answers, of each the last so many.
const MOST: usize = 256;

/// When something happened, and what for.
#[derive(Clone, Copy)]
pub(super) struct Happened {
    pub began: u64,
    pub ended: u64,
    /// By the hash of the path; a connect has none.
    pub path: Option<u64>,
}

impl Happened {
    /// How far it is from being what `served` needed: first whether it was for another path, then nanoseconds. `None` where it
    /// can't have been.
    fn distance(&self, served: &Self) -> Option<(bool, u64)> {
        let possible = (served.began..=served.ended).contains(&self.began);
        let late = self.began.abs_diff(served.began).saturating_add(self.ended.abs_diff(served.ended));
        possible.then_some((self.path.is_some() && self.path != served.path, late))
    }
}

/// A served request that failed, or that was given up with its client.
pub(super) struct Failed {
    pub process: TargetId,
    /// The client is gone: what it waited for upstream is given up too, and that is nobody's error.
    pub client_gone: bool,
    pub code: Option<u16>,
    pub happened: Happened,
}

/// Those of one process.
#[derive(Default)]
pub(super) struct Failures {
    failed: VecDeque<Failed>,
    troubles: VecDeque<(Happened, ProxyTrouble)>,
    /// Codes of 500 and more that others answered.
    answers: VecDeque<(Happened, u16)>,
}

impl Failures {
    /// Whether a failed request waits for its reason.
    pub fn waits(&self) -> bool {
        !self.failed.is_empty()
    }

    pub fn failed(&mut self, failed: Failed, outbox: &Outbox) {
        if self.failed.len() >= MOST
            && let Some(first) = self.failed.pop_front()
        {
            self.decide(&first, outbox);
        }
        self.failed.push_back(failed);
    }

    pub fn trouble(&mut self, happened: Happened, what: ProxyTrouble) {
        push(&mut self.troubles, (happened, what));
    }

    pub fn answered(&mut self, happened: Happened, code: u16) {
        push(&mut self.answers, (happened, code));
    }

    /// Decides about what has waited long enough. Tells when to look again, if something still waits.
    pub fn conclude(&mut self, now: u64, outbox: &Outbox) -> Option<u64> {
        while let Some(first) = self.failed.front() {
            let due = first.happened.ended.saturating_add(PATIENCE);
            if due > now {
                return Some(due);
            }
            if let Some(first) = self.failed.pop_front() {
                self.decide(&first, outbox);
            }
        }
        None
    }

    fn decide(&mut self, failed: &Failed, outbox: &Outbox) {
        let code = failed.code;
        let relayed = nearest(&self.answers, failed, |own| Some(*own) == code);
        // Who answers 504 says that it was late.
        let late = |what: &ProxyTrouble| code != Some(504) || *what == ProxyTrouble::Timeout;
        let trouble =
            nearest(&self.troubles, failed, late).or_else(|| nearest(&self.troubles, failed, |_| true));
        let trouble = match (relayed, trouble) {
            (Some((place, answer)), trouble) if trouble.is_none_or(|(_, trouble)| answer <= trouble) => {
                self.answers.remove(place);
                return;
            }
            (_, Some((place, _))) => self.troubles.remove(place).map(|(_, what)| what),
            (_, None) => by_code(code),
        };
        if let (Some(trouble), false) = (trouble, failed.client_gone) {
            outbox.push(Fact::ProxyError { process: failed.process, trouble });
        }
    }
}

/// The place of what most likely was for a served request, and how far it is from that.
///
/// What is given up with its client may leave no trouble, or leave it much later: it takes none that may be another's.
fn nearest<T>(
    list: &VecDeque<(Happened, T)>,
    failed: &Failed,
    fits: impl Fn(&T) -> bool,
) -> Option<(usize, (bool, u64))> {
    let served = &failed.happened;
    let fits =
        |happened: &Happened, what| fits(what) && (!failed.client_gone || happened.path == served.path);
    let fitting = list.iter().enumerate().filter(|(_, (happened, what))| fits(happened, what));
    let near = fitting.filter_map(|(place, (happened, _))| Some((place, happened.distance(served)?)));
    near.min_by_key(|(_, distance)| *distance)
}

/// What a code alone says: that of a gateway whose upstream was late, or was no good (RFC 9110 sections 15.6.5 and 15.6.3).
fn by_code(code: Option<u16>) -> Option<ProxyTrouble> {
    match code {
        Some(504) => Some(ProxyTrouble::Timeout),
        Some(502) => Some(ProxyTrouble::Other),
        _ => None,
    }
}

fn push<T>(list: &mut VecDeque<T>, latest: T) {
    if list.len() >= MOST {
        list.pop_front();
    }
    list.push_back(latest);
}
