//! Consumers of Redis queues (`work/consumer.py`), and what they write down of their work.
//!
//! A line is `WORD PID THREAD NANOSECONDS ...` (`CLOCK_MONOTONIC`): `asked` and `sent` around a command, `begin NUMBER HOW`
//! once an item has been read, `end NUMBER` when it is done with, `gone WHO STATUS` when a process or thread has been reaped. So
//! each moment that pullscope may tell lies between two lines, however busy the machine is.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use nix::sys::signal::{Signal, kill};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::place::Place;
use crate::process::{Outcome, PATIENCE, Running, poll};
use crate::redis::Redis;
use crate::script::script;

/// The consumer's name: that of its target.
pub const CONSUMER: &str = "queue-worker";

/// The queue.
pub const QUEUE: &str = "jobs";

/// How a consumer is to work.
#[derive(Clone, Copy, Debug)]
pub struct How<'a> {
    /// How it takes items: `blpop`, `brpop`, `blmove`, `patient` (BLPOP of two queues that waits for 50 ms at a time), or
    /// `resp3` (the same over RESP3, while the server pushes).
    pub take: &'a str,
    /// `serial`, `threads`, `forked`, `pool` or `storm`.
    pub shape: &'a str,
    /// How many at a time; of a storm the seed.
    pub count: u32,
    /// Whether it is on the unix socket.
    pub unix: bool,
}

impl Default for How<'_> {
    fn default() -> Self {
        Self { take: "blpop", shape: "serial", count: 1, unix: false }
    }
}

/// Adds items to the queue: each `NUMBER HOW SECONDS`, numbered from `first`.
#[track_caller]
pub fn push(redis: &Redis, first: u64, items: &[(&str, f64)]) {
    push_with(redis, first, items, "");
}

/// The same with this at the end of each.
#[track_caller]
pub fn push_with(redis: &Redis, first: u64, items: &[(&str, f64)], rest: &str) {
    for (number, (how, seconds)) in (first..).zip(items) {
        redis.ask(&["RPUSH", QUEUE, &format!("{number} {how} {seconds} {rest}")]);
    }
}

/// How an item ended, by what a consumer wrote and its processes' exit statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// The consumer sent its next command, or exited with 0.
    Ok,
    /// It exited with another status, was killed, or has told of a failure.
    Error,
    /// Its thread ended: nothing tells why.
    Thread,
    /// It goes on.
    None,
    /// It was killed when it had perhaps sent its next command, and perhaps not.
    OkOrError,
}

/// An item that a consumer took.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its number.
    pub number: u64,
    /// What was to be done with it.
    pub how: String,
    /// The process that took it.
    pub pid: u32,
    /// The thread that took it.
    pub thread: u32,
    /// How it ended.
    pub end: End,
    /// Nanoseconds that it took at least.
    pub at_least: u64,
    /// And at most.
    pub at_most: u64,
    /// `asked`, `begin`, `end`.
    times: (u64, u64, Option<u64>),
}

impl Item {
    fn finish(&mut self, time: u64, end: End) {
        let (asked, began, ended) = self.times;
        self.end = if self.how == "failed" && end == End::Ok { End::Error } else { end };
        self.at_least = ended.map_or(0, |ended| ended - began);
        self.at_most = time - asked;
    }
}

/// A consumer that runs; killed when dropped.
pub struct Consumer {
    running: Option<Running>,
    /// When it was gone, and its exit code; `None` for a signal.
    gone: Option<(u32, u64, Option<i32>)>,
    log: PathBuf,
    _dir: TempDir,
}

impl Consumer {
    /// Starts it.
    #[track_caller]
    pub fn start(redis: &Redis, how: How<'_>) -> Self {
        let dir = tempfile::tempdir().expect("a directory for a consumer");
        let program = script(dir.path(), CONSUMER, include_str!("work/consumer.py"));
        let log = dir.path().join("log");
        let mut command = Place::machine().command(program);
        command.arg(if how.unix { redis.unix_url() } else { redis.url() }).arg(QUEUE).arg(&log);
        command.args([how.take, how.shape, &how.count.to_string()]);
        Self { running: Some(Running::spawn(command)), gone: None, log, _dir: dir }
    }

    /// What it has written so far.
    pub fn written(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait(&mut self) -> Outcome {
        self.end(|running| running.wait(4 * PATIENCE))
    }

    /// Kills it (and not the processes that it has forked).
    #[track_caller]
    pub fn kill(&mut self) -> Outcome {
        self.end(Running::kill)
    }

    fn end(&mut self, end: impl FnOnce(Running) -> Outcome) -> Outcome {
        let running = self.running.take().expect("it runs");
        let pid = running.pid();
        let outcome = end(running);
        assert!(!outcome.timed_out, "{outcome:#?}\n{}", self.written());
        self.gone = Some((pid, now(), outcome.code));
        outcome
    }

    /// The items that it has taken, in that order.
    #[track_caller]
    pub fn items(&self) -> Vec<Item> {
        let mut items = items(&self.written());
        if let Some((pid, time, code)) = self.gone {
            gone(&mut items, pid, time, code.map_or(End::Error, by_code), code.is_none());
        }
        items
    }

    /// How many items a storm has put into the queue.
    #[track_caller]
    pub fn pushed(&self) -> u64 {
        let written = self.written();
        let lines = written.lines().filter(|line| line.starts_with("pushed "));
        lines.map(|line| line.rsplit(' ').next().and_then(|n| n.parse::<u64>().ok()).expect("a number")).sum()
    }

    /// Waits until so many items have been taken and not ended.
    #[track_caller]
    pub fn holds(&self, count: usize) -> Vec<Item> {
        let held = || {
            let held: Vec<_> =
                items(&self.written()).into_iter().filter(|item| item.end == End::None).collect();
            (held.len() == count).then_some(held)
        };
        poll(PATIENCE, held).unwrap_or_else(|| panic!("it does not hold {count}:\n{}", self.written()))
    }

    /// Lets it go on that waits at the gate (`gate` in an item).
    pub fn go_on(&self) {
        fs::write(self.log.with_extension("go"), "").expect("open a gate");
    }

    /// Kills the process that took `item`, which is one that the consumer has forked.
    #[track_caller]
    pub fn kill_worker(&self, item: &Item) {
        let parent = self.running.as_ref().expect("it runs").pid();
        let stat = fs::read_to_string(Path::new("/proc").join(item.pid.to_string()).join("stat"));
        let stat = stat.expect("the worker is there");
        let its = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok());
        assert_eq!(its, Some(parent), "not a worker of this consumer: {stat}");
        kill(Pid::from_raw(i32::try_from(item.pid).expect("a pid")), Signal::SIGKILL).expect("kill a worker");
    }
}

fn now() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("the clock");
    u64::try_from(time.tv_sec() * 1_000_000_000 + time.tv_nsec()).expect("a time after the start")
}

fn by_code(code: i32) -> End {
    if code == 0 { End::Ok } else { End::Error }
}

/// A process or thread is gone: what it had not finished ends.
fn gone(items: &mut [Item], who: u32, time: u64, end: End, killed: bool) {
    for item in
        items.iter_mut().filter(|item| item.end == End::None && [item.pid, item.thread].contains(&who))
    {
        // Killed between its last line and the next, it may have asked for another item already.
        let asked = killed && item.times.2.is_some() && item.how != "self";
        item.finish(time, if asked { End::OkOrError } else { end });
    }
}

#[track_caller]
fn items(written: &str) -> Vec<Item> {
    let (mut items, mut asked, mut current) =
        (Vec::<Item>::new(), HashMap::new(), HashMap::<u32, usize>::new());
    let mut by_number = BTreeMap::new();
    for line in written.lines().filter(|_| written.ends_with('\n')) {
        let words: Vec<_> = line.split(' ').collect();
        let number = |at: usize| -> u64 {
            words
                .get(at)
                .and_then(|word| word.parse().ok())
                .unwrap_or_else(|| panic!("no line of a consumer: {line}"))
        };
        let [pid, thread] = [1, 2].map(|at| u32::try_from(number(at)).expect("a process id"));
        let time = number(3);
        match words[0] {
            "asked" => drop(asked.insert(thread, time)),
            "begin" => {
                by_number.insert(number(4), items.len());
                let times = (asked[&thread], time, None);
                let (number, how) = (number(4), words[5].to_owned());
                let (end, at_least, at_most) = (End::None, 0, 0);
                items.push(Item { number, how, pid, thread, end, at_least, at_most, times });
            }
            "end" => {
                let item = by_number[&number(4)];
                items[item].times.2 = Some(time);
                current.insert(thread, item);
            }
            "sent" => {
                if let Some(item) = current.remove(&thread) {
                    items[item].finish(time, End::Ok);
                }
            }
            "gone" => {
                let who = u32::try_from(number(4)).expect("a process id");
                current.remove(&who);
                match words[5].parse::<i32>() {
                    Ok(code) => gone(&mut items, who, time, by_code(code), code < 0),
                    Err(_) => gone(&mut items, who, time, End::Thread, false),
                }
            }
            "kill" | "pushed" => {}
            other => panic!("no line of a consumer: {other}"),
        }
    }
    items
}

/// What must be counted of items, for people.
pub fn shown(items: &[Item]) -> String {
    items.iter().fold(String::new(), |mut text, item| {
        writeln!(text, "{item:?}").expect("write to a string");
        text
    })
}
