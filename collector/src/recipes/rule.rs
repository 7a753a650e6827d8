//! A recipe that was read and checked. The model follows it; it holds no text that was not checked.

use std::sync::Arc;

use super::pattern::{AddressPattern, CommandPattern, REPLY, RequestPattern};
use crate::model::pull::record::{Isolation, Trigger};
use crate::targets::Target;

/// A program, and what of its doings counts.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// What it is for, in a sentence.
    pub about: String,
    /// The processes, under the recipe's name: that is the value of the `process` label.
    pub target: Target,
    /// What runs the images that its processes pull themselves, where the recipe says.
    pub isolation: Option<Isolation>,
    /// Why they pull, where the recipe says.
    pub trigger: Option<Trigger>,
    /// Whatever they fetch in order to serve it, they ask for by a path with its digest: what they serve without that was there.
    pub fetches_name_digest: bool,
    /// What is counted.
    pub rules: Vec<Rule>,
}

impl Recipe {
    /// Whether its processes' Redis traffic has to be read.
    pub fn reads_redis(&self) -> bool {
        let reads = |rule: &Rule| {
            rule.span.points().any(Point::is_redis)
                || rule.span.is_redis_call()
                || rule.feeds.listing().is_some()
        };
        self.rules.iter().any(reads)
    }

    /// Whether the ends of its processes' threads have to be told.
    pub fn follows_threads(&self) -> bool {
        self.rules.iter().any(|rule| matches!(rule.span, Span::Between { each: Each::Thread, .. }))
    }
}

/// One thing that is counted: an operation, or an item of work.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The metrics.
    pub feeds: Feeds,
    /// From when to when.
    pub span: Span,
    /// Only what begins while an operation of this name goes on in the same process.
    pub within: Option<Arc<str>>,
    /// Which ends are good ones; where it is empty, the usual: an answer below 400, a reply that is no error, exit status 0.
    pub ok: Vec<Good>,
    /// Nanoseconds after which an end that was not seen is not waited for any more.
    pub longest: u64,
}

/// What a rule moves.
#[derive(Clone, Debug)]
pub enum Feeds {
    /// `operation_duration_seconds` and `operations_in_flight`.
    Operation {
        /// Value of the `operation` label.
        operation: Arc<str>,
        /// Where the value of the `kind` label comes from.
        kind: Source,
    },
    /// `work_in_flight`, `work_total` and `work_duration_seconds`.
    Work {
        /// Where the value of the `queue` label comes from.
        queue: Source,
    },
}

impl Feeds {
    /// Where the value of the label comes from that a rule takes from what is seen.
    pub fn source(&self) -> &Source {
        let (Self::Operation { kind: source, .. } | Self::Work { queue: source }) = self;
        source
    }

    /// The lists that tell that value, where lists do.
    pub fn listing(&self) -> Option<&Listing> {
        match self.source() {
            Source::Captured { listing, .. } => listing.as_ref(),
            Source::Fixed(_) => None,
        }
    }
}

/// Where a label's value comes from.
#[derive(Clone, Debug)]
pub enum Source {
    /// It stands in the recipe.
    Fixed(Arc<str>),
    /// A pattern of the rule captures it.
    Captured {
        /// Name of the capture. [`REPLY`] is the first text of the reply that begins it.
        capture: Arc<str>,
        /// How many values there may be.
        bound: Bound,
        /// Where it is not captured by the rule's own pattern, but by that of an earlier command.
        listing: Option<Listing>,
    },
}

/// A Redis command whose reply lists texts: what its pattern captured is told of each of them, until another list has it.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The command.
    pub command: CommandPattern,
    /// Name of the rule's own capture that is looked up.
    pub item: Arc<str>,
}

impl Source {
    /// The value in place of one that has no room.
    pub const OTHER: &'static str = "[OTHER]";
    /// The value where nothing was captured.
    pub const UNKNOWN: &'static str = "unknown";
}

/// What keeps the values of a label few.
#[derive(Clone, Debug)]
pub enum Bound {
    /// These, and [`Source::OTHER`].
    Listed(Vec<Arc<str>>),
    /// The first so many that are met, and [`Source::OTHER`].
    Most(usize),
}

/// From when to when something goes on.
#[derive(Clone, Debug)]
pub enum Span {
    /// As long as one thing takes that has an end of its own.
    During(During),
    /// From one point to another.
    Between {
        /// Where it begins.
        from: Point,
        /// Where it ends: the first of these.
        to: Vec<Point>,
        /// It ends when nothing of `from` and `also` has happened for so many nanoseconds, and has ended with the last of those.
        quiet: Option<u64>,
        /// What belongs to it besides.
        also: Vec<Point>,
        /// What it has failed with, if it has.
        failed: Vec<Point>,
        /// How a begin and an end find each other.
        each: Each,
    },
}

impl Span {
    /// Every point.
    pub fn points(&self) -> impl Iterator<Item = &Point> {
        let (from, lists) = match self {
            Self::During(_) => (None, None),
            Self::Between { from, to, also, failed, .. } => (Some(from), Some([to, also, failed])),
        };
        from.into_iter().chain(lists.into_iter().flatten().flatten())
    }

    /// Names of what is captured where it begins: a label's value can be taken from these.
    pub fn captures(&self) -> Vec<&str> {
        match self {
            Self::During(During::Exchange(_, pattern)) => pattern.captures().collect(),
            Self::During(During::Call(pattern)) => pattern.captures().collect(),
            Self::During(During::Connect(_) | During::Process) => Vec::new(),
            Self::Between { from, .. } => match from {
                Point::Command(pattern) => pattern.captures().collect(),
                Point::Reply(pattern, _) => pattern.captures().chain([REPLY]).collect(),
                Point::Request(_, pattern) | Point::Answer(_, pattern) => pattern.captures().collect(),
            },
        }
    }

    /// Whether it is a Redis command with its reply.
    pub fn is_redis_call(&self) -> bool {
        matches!(self, Self::During(During::Call(_)))
    }
}

/// A thing with an end of its own.
#[derive(Clone, Debug)]
pub enum During {
    /// An HTTP exchange: from the first byte of the request to the last byte of the answer.
    Exchange(Side, RequestPattern),
    /// A Redis command and its reply.
    Call(CommandPattern),
    /// A TCP connect, by its peer.
    Connect(AddressPattern),
    /// A process: from its exec to its exit.
    Process,
}

/// Which side of an exchange the process is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// It answers.
    Served,
    /// It asks.
    Asked,
}

/// A moment that can be seen.
#[derive(Clone, Debug)]
pub enum Point {
    /// A Redis command is sent.
    Command(CommandPattern),
    /// The reply to such a command is there.
    Reply(CommandPattern, ReplyIs),
    /// The head of a request has passed.
    Request(Side, RequestPattern),
    /// The answer to such a request has passed.
    Answer(Side, RequestPattern),
}

impl Point {
    fn is_redis(&self) -> bool {
        matches!(self, Self::Command(_) | Self::Reply(..))
    }
}

/// What a reply has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyIs {
    /// Anything.
    Any,
    /// Neither nil, nor an error, nor empty.
    Item,
    /// Nil, or an empty array.
    Nothing,
    /// An error.
    Error,
}

/// How a begin and an end find each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Each {
    /// One at a time in each thread: exact for a consumer that works in the thread that asks.
    Thread,
    /// One at a time on each connection.
    Connection,
    /// One at a time in each process.
    Process,
    /// Many at a time in a process, and an end is taken for that of the one that began first: how many is exact as far as every
    /// item has its end, how long each takes is an estimate.
    Pool,
}

/// An end that is a good one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Good {
    /// An HTTP status code, or an exit status.
    Code(u16),
    /// A class of HTTP status codes, by their first digit.
    Class(u16),
    /// A reply of this text (of an integer: its digits), `nil` for nil.
    Text(Arc<str>),
}
