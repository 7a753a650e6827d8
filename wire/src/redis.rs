//! The Redis protocol, RESP2 and RESP3, as it passes on a connection of which only the start of each span may be captured.
//!
//! A *span* is what moves in one direction until the direction turns. Replies come in the order of the commands, and nothing in
//! a reply says which command it is for. So everything rests on counting, and what is believed is this:
//!
//! - **From the first byte** ([`Connection::opened`]) nothing has to be believed. Pipelines, replies that are reported before their
//!   commands and clients that ask again before they were answered are all followed exactly.
//! - **A hole** inside a string, whose length is known, costs its text and nothing else. Anywhere else the direction loses track
//!   (`redis_hole`). Where it is the commands', those that wait still get their replies, since they are older than what was not
//!   seen; where it is the replies', they are told as [`Fact::Unanswered`]. Commands that are seen in between are told as that, too.
//! - **A direction that has lost track** is read again from a span that begins like a value. For the replies that says nothing yet
//!   of whose they are.
//! - **Commands and replies pair again** when a command begins a span while no command that was seen waits and no reply has been left
//!   half read: a client that waits for its replies before it asks again has got them all. It is the only thing here
//!   that could be wrong, for clients that send the commands of several callers over one connection. So a client that was ever
//!   seen not to wait is never believed again, and replies are checked from then on: an integer is no reply to `GET`, an array
//!   that does not begin with one of its keys none to `BLPOP`, and none comes without a command. If one does
//!   (`redis_out_of_step`), what waits is unanswered, and commands and replies of this connection do not pair any more.
//! - **What is seen first of a connection that was joined late** may stand in the middle of a pipeline. Of the replies to the commands
//!   of that span only those are told that say themselves what they are for (`BLPOP` and its like).
//! - **The client** is the side that sends arrays of strings, the first of which is a command. A connection may begin with a reply
//!   that looks so, to a consumer that has waited since before it was joined: what is received first is held until what is sent tells.
//!
//! Pushes and attributes of RESP3 are no replies and are stepped over. The reply to a command in a transaction is the element of
//! `EXEC`'s reply; `QUEUED` is not told. Where the transaction does not run (`DISCARD`, `RESET`, a key that was watched), it is
//! [`Reply::Nil`], and where `EXEC` fails, that error. `SUBSCRIBE` and its kind, `UNSUBSCRIBE`, `MONITOR`, `SYNC` and `CLIENT REPLY`
//! end the pairing for the rest of the connection (`redis_unpaired`): commands are told on and are unanswered.
//!
//! A reply is told as soon as nothing more can come that is kept of it: that to `BLPOP` with the head of a long item. Bounded are
//! commands that wait (4,096), what is held (16 KiB), strings (512 MB), and how deep aggregates are within each other (32).

mod commands;
mod connection;
mod fact;
mod names;
mod pairing;
mod piece;
mod replies;
mod side;
mod tokens;

pub use connection::Connection;
pub use fact::{Command, Fact, Reply, Unparsed};

#[cfg(test)]
mod tests;
