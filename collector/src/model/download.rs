//! Downloads: a manifest or blob that a process asks for, until it has it or gives up.
//!
//! One download may take several exchanges: a challenge and the retry with credentials, a redirect and the request that
//! follows it, a body that is cut and resumed, parts that are asked for one by one or side by side. Between two of them
//! the download *waits*; when nothing goes on with it for [`PATIENCE`] or until the process ends, it is over: an error,
//! unless everything that was asked for has come (a reader that wants parts only).
//!
//! A download is the process's and the subject's (repository and digest or tag). Full answers side by side are downloads
//! of their own.

use std::collections::{BTreeSet, HashMap};

use wire::http::ContentRange;
use wire::oci::Kind;

use super::event::Pid;
use super::fact::{Client, Fact, Status};
use super::outbox::Outbox;
use super::ranges::Ranges;
use super::reason;

/// How long a download waits for its next exchange.
const PATIENCE: u64 = 30 * 1_000_000_000;

/// A download in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct DownloadId(u64);

/// A GET that begins.
pub(super) struct Asked {
    pub pid: Pid,
    pub subject: u64,
    pub client: Client,
    pub kind: Kind,
    pub redirected: bool,
    pub time: u64,
}

/// How one exchange of a download ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum Got {
    /// All that was asked for.
    Everything,
    /// This part, as it was asked for.
    Part(ContentRange),
    /// The first `bytes` of it (of the part, if it was one), then nothing; `None` where it is not known how many.
    Cut { part: Option<ContentRange>, total: Option<u64>, bytes: Option<u64>, last_byte: u64 },
    /// An answer that is no manifest or blob.
    Refused,
    /// What was not seen.
    Unknown,
}

/// What a download waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    /// The request that follows the redirect.
    Redirected,
    /// The request that follows a redirect to HTTPS that cannot be read.
    OutOfSight,
    /// The retry with credentials.
    Challenged,
    /// The rest.
    Rest,
}

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct Download {
    pid: Pid,
    subject: u64,
    client: Client,
    kind: Kind,
    /// When the last of its exchanges began.
    began: u64,
    /// Exchanges in flight.
    exchanges: u32,
    /// With the time when it is given up. Only while no exchange is in flight.
    waiting: Option<(Wait, u64)>,
    /// The process has ended: nothing can follow.
    last: bool,
    /// Whether it comes in parts.
    in_parts: bool,
    wanted: Ranges,
    /// Wanted to its end, which is not known.
    wanted_whole: bool,
    got: Ranges,
    total: Option<u64>,
    /// It was cut, and how far it had come is not known.
    unsure: bool,
}

impl Download {
    fn complete(&self) -> bool {
        self.total.is_some_and(|total| self.got.covers(0, total))
    }

    /// How it stands when nothing follows; `None` when that can't be known.
    fn status(&self, wait: Wait) -> Option<Status> {
        let all_came = !self.wanted_whole && self.got.covers_all(&self.wanted);
        match wait {
            Wait::OutOfSight => None,
            Wait::Rest if all_came => Some(Status::Ok),
            // What was asked for after the cut may have been all that was missing.
            Wait::Rest if self.unsure && self.in_parts => None,
            Wait::Rest | Wait::Redirected | Wait::Challenged => Some(Status::Error),
        }
    }

    /// Takes over what another download of the same subject has. False when it is too much.
    fn absorb(&mut self, other: &Self) -> bool {
        self.in_parts |= other.in_parts;
        self.wanted_whole |= other.wanted_whole;
        self.total = self.total.or(other.total);
        self.unsure |= other.unsure;
        self.wanted.add_all(&other.wanted) && self.got.add_all(&other.got)
    }
}

/// The table of downloads.
pub(super) struct Downloads {
    table: HashMap<DownloadId, Download>,
    /// Those of one process and subject, oldest first.
    by_subject: HashMap<(Pid, u64), Vec<DownloadId>>,
    deadlines: BTreeSet<(u64, DownloadId)>,
    next: u64,
    limit: usize,
    outbox: Outbox,
}

impl Downloads {
    pub fn new(limit: usize, outbox: &Outbox) -> Self {
        Self {
            table: HashMap::new(),
            by_subject: HashMap::new(),
            deadlines: BTreeSet::new(),
            next: 0,
            limit,
            outbox: outbox.clone(),
        }
    }

    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Downloads to be given up at some time, and subjects that are remembered.
    #[cfg(test)]
    pub fn deadlines(&self) -> usize {
        self.deadlines.len() + self.by_subject.len()
    }

    /// A GET goes on with a download that waits for it, or begins a new one.
    pub fn begin(&mut self, asked: Asked) -> Option<DownloadId> {
        let siblings = self.by_subject.get(&(asked.pid, asked.subject)).map_or(&[][..], Vec::as_slice);
        let waits = |wanted: &dyn Fn(Wait) -> bool| {
            let of = |id: &DownloadId| self.table.get(id).and_then(|download| download.waiting);
            siblings.iter().copied().find(|id| of(id).is_some_and(|(wait, _)| wanted(wait)))
        };
        let elsewhere = |wait| matches!(wait, Wait::Redirected | Wait::OutOfSight);
        let redirected = if asked.redirected { waits(&elsewhere) } else { None };
        if let Some(id) = redirected.or_else(|| waits(&|wait| !elsewhere(wait))) {
            self.stop_waiting(id);
            if let Some(download) = self.table.get_mut(&id) {
                download.exchanges = 1;
                download.began = asked.time;
            }
            return Some(id);
        }
        self.insert(asked)
    }

    fn insert(&mut self, asked: Asked) -> Option<DownloadId> {
        if self.table.len() >= self.limit {
            self.outbox.unattributed(reason::DOWNLOADS_FULL);
            return None;
        }
        let id = DownloadId(self.next);
        self.next += 1;
        self.by_subject.entry((asked.pid, asked.subject)).or_default().push(id);
        let download = Download {
            pid: asked.pid,
            subject: asked.subject,
            client: asked.client,
            kind: asked.kind,
            began: asked.time,
            exchanges: 1,
            waiting: None,
            last: false,
            in_parts: false,
            wanted: Ranges::default(),
            wanted_whole: false,
            got: Ranges::default(),
            total: None,
            unsure: false,
        };
        self.table.insert(id, download);
        Some(id)
    }

    /// The answer sends the client elsewhere, perhaps to where nothing can be read (`hidden`): this exchange has nothing
    /// more to do with it.
    pub fn redirected(&mut self, id: DownloadId, hidden: bool, now: u64) {
        self.pause(id, if hidden { Wait::OutOfSight } else { Wait::Redirected }, now);
    }

    /// The answer demands credentials: this exchange has nothing more to do with it.
    pub fn challenged(&mut self, id: DownloadId, now: u64) {
        self.pause(id, Wait::Challenged, now);
    }

    /// The answer is a part. Gives the download that it is a part of: another of the same subject that comes in parts, if
    /// there is one.
    pub fn part(&mut self, id: DownloadId, part: ContentRange) -> DownloadId {
        let whole = self.whole_of(id).unwrap_or(id);
        if whole != id
            && let Some(own) = self.remove(id)
        {
            self.stop_waiting(whole);
            self.change(whole, |download| {
                download.exchanges += 1;
                download.began = download.began.max(own.began);
                download.absorb(&own)
            });
        }
        self.change(whole, |download| {
            download.in_parts = true;
            download.total = download.total.or(part.total);
            download.wanted.add(part.first, end_of(part))
        });
        whole
    }

    /// Another download of the same subject that comes in parts.
    fn whole_of(&self, id: DownloadId) -> Option<DownloadId> {
        let own = self.table.get(&id)?;
        // One with several exchanges is already the one that the others joined.
        if own.exchanges > 1 {
            return None;
        }
        let siblings = self.by_subject.get(&(own.pid, own.subject))?;
        let in_parts =
            |sibling: &DownloadId| self.table.get(sibling).is_some_and(|download| download.in_parts);
        siblings.iter().copied().find(|sibling| *sibling != id && in_parts(sibling))
    }

    /// One exchange of a download has ended.
    pub fn ended(&mut self, id: DownloadId, got: Got, now: u64) {
        match got {
            Got::Everything => self.finish(id, Status::Ok),
            Got::Refused => {
                let others = self
                    .table
                    .get(&id)
                    .filter(|download| download.exchanges > 1)
                    .map(|d| (d.client.clone(), d.kind));
                let Some((client, kind)) = others else { return self.finish(id, Status::Error) };
                // The parts that are still coming may make a whole.
                self.outbox.push(Fact::Download { client, kind, status: Status::Error });
                self.pause(id, Wait::Rest, now);
            }
            Got::Unknown => self.lose(id),
            Got::Part(part) => {
                self.change(id, |download| download.got.add(part.first, end_of(part)));
                self.pause(id, Wait::Rest, now);
            }
            Got::Cut { part, total, bytes, last_byte } => {
                let first = part.map_or(0, |part| part.first);
                self.change(id, |download| {
                    if part.is_none() {
                        download.total = download.total.or(total);
                        match total {
                            Some(total) if !download.wanted.add(0, total) => return false,
                            Some(_) => {}
                            None => download.wanted_whole = true,
                        }
                    }
                    download.unsure |= bytes.is_none();
                    download.got.add(first, first.saturating_add(bytes.unwrap_or(0)))
                });
                if !self.already_resumed(id, last_byte) {
                    self.pause(id, Wait::Rest, now);
                }
            }
        }
    }

    /// A client may ask for the rest before it closes the connection that was cut: hands what came to the GET that began
    /// after the last byte did.
    fn already_resumed(&mut self, id: DownloadId, last_byte: u64) -> bool {
        let Some(cut) = self.table.get(&id).filter(|download| download.exchanges == 1) else { return false };
        let siblings = self.by_subject.get(&(cut.pid, cut.subject)).map_or(&[][..], Vec::as_slice);
        let resumes = |sibling: &DownloadId| {
            self.table
                .get(sibling)
                .is_some_and(|d| d.exchanges > 0 && d.began > last_byte && d.began > cut.began)
        };
        let Some(sibling) = siblings.iter().copied().find(|sibling| *sibling != id && resumes(sibling))
        else {
            return false;
        };
        if let Some(cut) = self.remove(id) {
            self.change(sibling, |download| download.absorb(&cut));
        }
        true
    }

    /// The process has ended: what waits is over, what is in flight has one chance left.
    pub fn process_ended(&mut self, pid: Pid) {
        let of_process = |(_, download): &(&DownloadId, &Download)| download.pid == pid;
        let mut ids: Vec<_> = self.table.iter().filter(of_process).map(|(&id, _)| id).collect();
        ids.sort_unstable();
        for id in ids {
            let Some(download) = self.table.get_mut(&id) else { continue };
            download.last = true;
            let subject = (pid, download.subject);
            match download.waiting {
                Some((wait, _)) => self.give_up(id, wait),
                // The process id may come again: nothing of the next process goes on with this.
                None => self.forget_subject(subject, id),
            }
        }
    }

    /// Gives up what has waited long enough.
    pub fn expire(&mut self, now: u64) {
        while let Some(&(deadline, id)) = self.deadlines.first()
            && deadline <= now
        {
            self.deadlines.pop_first();
            if let Some(download) = self.table.get(&id)
                && let Some((wait, _)) = download.waiting
            {
                self.give_up(id, wait);
            }
        }
    }

    /// One exchange less; when it was the last, the download waits, unless there is nothing to wait for.
    fn pause(&mut self, id: DownloadId, wait: Wait, now: u64) {
        let Some(download) = self.table.get_mut(&id) else { return };
        download.exchanges = download.exchanges.saturating_sub(1);
        if download.complete() {
            return self.finish(id, Status::Ok);
        }
        if download.exchanges > 0 {
            return;
        }
        if download.last {
            return self.give_up(id, wait);
        }
        let deadline = now.saturating_add(PATIENCE);
        download.waiting = Some((wait, deadline));
        self.deadlines.insert((deadline, id));
    }

    fn stop_waiting(&mut self, id: DownloadId) {
        if let Some((_, deadline)) = self.table.get_mut(&id).and_then(|download| download.waiting.take()) {
            self.deadlines.remove(&(deadline, id));
        }
    }

    /// Changes a download. One that comes in more parts than can be remembered is forgotten.
    fn change(&mut self, id: DownloadId, change: impl FnOnce(&mut Download) -> bool) {
        if let Some(download) = self.table.get_mut(&id)
            && !change(download)
        {
            self.remove(id);
            self.outbox.unattributed(reason::DOWNLOAD_PARTS);
        }
    }

    /// Nothing follows.
    fn give_up(&mut self, id: DownloadId, wait: Wait) {
        match self.table.get(&id).and_then(|download| download.status(wait)) {
            Some(status) => self.finish(id, status),
            None => self.lose(id),
        }
    }

    /// How it ended was not seen.
    fn lose(&mut self, id: DownloadId) {
        if self.remove(id).is_some() {
            self.outbox.unattributed(reason::DOWNLOAD_END_UNKNOWN);
        }
    }

    fn finish(&mut self, id: DownloadId, status: Status) {
        if let Some(Download { client, kind, .. }) = self.remove(id) {
            self.outbox.push(Fact::Download { client, kind, status });
        }
    }

    fn remove(&mut self, id: DownloadId) -> Option<Download> {
        self.stop_waiting(id);
        let download = self.table.remove(&id)?;
        self.forget_subject((download.pid, download.subject), id);
        Some(download)
    }

    fn forget_subject(&mut self, subject: (Pid, u64), id: DownloadId) {
        if let Some(ids) = self.by_subject.get_mut(&subject) {
            ids.retain(|known| *known != id);
            if ids.is_empty() {
                self.by_subject.remove(&subject);
            }
        }
    }
}

/// One past the last byte.
fn end_of(part: ContentRange) -> u64 {
    part.last.saturating_add(1)
}
