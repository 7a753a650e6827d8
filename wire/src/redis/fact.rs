//! What the decoder of a connection reports.

use std::fmt;

use super::names::Name;
use crate::http::Role;

/// A command, reduced to its first words. Its `Debug` output shows only its name, if it is one that Redis has.
#[derive(Clone, PartialEq, Eq)]
pub struct Command {
    /// The first eight words at most, the name first, in the case that was sent. `None` for one that is longer than 64 bytes,
    /// is no text, or was not captured. Of commands that may carry credentials (`AUTH`, `HELLO`, `ACL`, `CONFIG`, `MIGRATE`,
    /// `SENTINEL`, `MODULE`, `COMMAND`) only the name is here, and of their replies no text.
    pub words: Vec<Option<String>>,
    /// How many words it has.
    pub count: usize,
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.words.first().and_then(Option::as_ref);
        let known = name.and_then(|name| Name::new(name.as_bytes()).known()).unwrap_or("?");
        write!(f, "Command({known}, {} words)", self.count)
    }
}

/// A reply, reduced to its shape and its first short texts. Its `Debug` output shows no text.
#[derive(Clone, PartialEq, Eq)]
pub enum Reply {
    /// Nil, in any of its forms.
    Nil,
    /// A simple string, such as `OK`.
    Status(String),
    /// An error, by its first word, such as `WRONGTYPE`.
    Error(String),
    /// An integer.
    Integer(i64),
    /// A bulk or verbatim string; its text if it is short and is text.
    Text(Option<String>),
    /// An array, set or map of so many elements, with those of the first that are short texts (the others are `None`).
    Array {
        /// How many elements; a map has two for each entry.
        count: usize,
        /// The first of them.
        texts: Vec<Option<String>>,
    },
    /// Any other value: a number that is no integer, a boolean.
    Other,
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nil => "Nil",
            Self::Status(_) => "Status",
            Self::Error(_) => "Error",
            Self::Integer(_) => "Integer",
            Self::Text(_) => "Text",
            Self::Array { .. } => "Array",
            Self::Other => "Other",
        })
    }
}

/// Something on the connection that could not be made part of a command or a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unparsed {
    /// Bytes where a command was due that are none.
    BadCommand,
    /// Bytes where a reply was due that are none.
    BadReply,
    /// A command without lengths, as a person types it ("inline"): they are not read.
    Inline,
    /// A string or an aggregate of unknown length (RESP3, "streamed"): they are not read.
    Streamed,
    /// Bytes were not captured that were not all in one string.
    Hole,
    /// A reply whose command was not seen, usually because the connection was joined late.
    NoCommand,
    /// A reply came that cannot be the one to its command, or a command did from a client that does not wait for replies, after
    /// track was lost on that connection.
    OutOfStep,
    /// More commands wait for their replies than are remembered.
    Pipelined,
    /// A command that ends the pairing of commands and replies: one that subscribes, `MONITOR`, `CLIENT REPLY` and the like.
    Unpaired,
    /// A command that the close of the connection cut off.
    CommandCut,
}

impl Unparsed {
    /// Every reason, for metrics that exist from the start.
    pub const ALL: [Self; 10] = [
        Self::BadCommand,
        Self::BadReply,
        Self::Inline,
        Self::Streamed,
        Self::Hole,
        Self::NoCommand,
        Self::OutOfStep,
        Self::Pipelined,
        Self::Unpaired,
        Self::CommandCut,
    ];

    /// The reason as a metric label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadCommand => "redis_bad_command",
            Self::BadReply => "redis_bad_reply",
            Self::Inline => "redis_inline",
            Self::Streamed => "redis_streamed",
            Self::Hole => "redis_hole",
            Self::NoCommand => "redis_no_command",
            Self::OutOfStep => "redis_out_of_step",
            Self::Pipelined => "redis_pipelined",
            Self::Unpaired => "redis_unpaired",
            Self::CommandCut => "redis_command_cut",
        }
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A command was sent (or received, where the process serves).
    Command {
        /// Which of the connection's commands it is.
        number: u32,
        /// What the process is.
        role: Role,
        /// The command.
        command: Command,
        /// Time of its first byte.
        time: u64,
    },
    /// Its reply is there: complete, or as far as anything is kept of it.
    Reply {
        /// The command's number.
        number: u32,
        /// The reply.
        reply: Reply,
        /// When that was known.
        time: u64,
    },
    /// No reply to it will be told: the connection is over, or the decoder has lost track.
    Unanswered {
        /// The command's number.
        number: u32,
        /// Whether the connection is over; otherwise the reply may have come.
        closed: bool,
        /// When.
        time: u64,
    },
    /// Something could not be read.
    Unparsed {
        /// Why.
        reason: Unparsed,
    },
}
