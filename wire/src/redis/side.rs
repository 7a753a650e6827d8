//! Which side of a connection the commands come from.

use super::names::Name;
use super::piece::Held;
use super::tokens::Start;
use crate::http::{Direction, Role};

/// Where bytes stand in what the connection has carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// They are the first that were seen of the connection, in either direction.
    First,
    /// They begin a span: what was seen before them went the other way, and nothing is missing between.
    Turn,
    /// Anywhere else.
    Within,
}

/// A connection whose sides are not known yet. Memory: what [`Held`] has.
#[derive(Debug, Default)]
pub(super) struct Undecided {
    sent: Option<Begins>,
    received: Option<Begins>,
    /// What has passed.
    pub held: Held<(Direction, Place, u64)>,
}

/// How the latest span of a direction begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begins {
    /// Like a command that Redis has.
    Command,
    /// Like a command, or like a reply that is an array of texts.
    Array,
    /// Like a value that is no command.
    Reply,
}

impl Undecided {
    /// A span begins with these bytes. Tells what the process is, once that is certain: replies are known by their types, but a
    /// reply may also look like a command, as that of `BLPOP` does. So what is received is taken for commands only when what is
    /// sent is known to be none.
    pub fn span(&mut self, way: Direction, bytes: &[u8]) -> Option<Role> {
        let begins = match Start::of(bytes) {
            Start::Array(Some(name)) if Name::new(name).known().is_some() => Begins::Command,
            Start::Array(_) => Begins::Array,
            Start::Reply => Begins::Reply,
            Start::Unknown => return None,
        };
        match way {
            Direction::Sent => self.sent = Some(begins),
            Direction::Received => self.received = Some(begins),
        }
        match (self.sent, self.received) {
            (Some(Begins::Reply), Some(Begins::Reply)) => {
                // Neither can be believed.
                (self.sent, self.received) = (None, None);
                None
            }
            (_, Some(Begins::Reply)) | (Some(Begins::Command), None | Some(Begins::Array)) => {
                Some(Role::Client)
            }
            (Some(Begins::Reply), _) | (Some(Begins::Array), Some(Begins::Command)) => Some(Role::Server),
            _ => None,
        }
    }
}
