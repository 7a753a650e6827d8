//! HPACK (RFC 7541) as a bystander reads it: one [`Decoder`] per direction of a connection, also of one that was joined late.
//!
//! # What is known after joining late
//!
//! The dynamic table is a list of what the peer inserted, newest first, of which the oldest entries are evicted. An index
//! counts from the newest insertion, so index `62 + n` is the `n`-th insertion before the newest one, *whatever* the size of
//! the table is and whatever was evicted: eviction takes entries away at the far end and renumbers none. The deque of all
//! insertions seen since the join is therefore always aligned with the peer's table, and this holds:
//!
//! **An index is answered by the insertion that it counts to, if that was seen and not forgotten; else by "unknown".**
//!
//! Two cases look as if they broke this and do not:
//!
//! - An entry larger than the whole table is not inserted, but it empties the table (RFC 7541 section 4.4). Counting it as an
//!   insertion, where the size of the table is not known, shifts only indices that point past it, and past it the table is
//!   empty: a conforming peer sends none.
//! - An entry that was evicted and is still in the deque (its size, or that of the table, is not known) is one that no index
//!   of a conforming peer points to.
//!
//! Eviction is followed only where it is certain, to tell an index that no table holds from an unknown one. The size of the
//! table is known from the start (4,096, RFC 9113 section 6.5.2) or after a size update. An entry whose name is unknown has at
//! least the size of its value and 32. As soon as the entries seen leave no room for one more, all that came before the join
//! is gone, and the decoder knows as much as one that was there from the start.
//!
//! # Settings
//!
//! `SETTINGS_HEADER_TABLE_SIZE` bounds what the peer may choose; what it *has* chosen is told by the size updates in its
//! header blocks alone (RFC 7541 section 4.2). Frames of the other direction may be reported late, so a bystander that held
//! size updates against them would refuse what both peers agree on. They are not needed and not used.
//!
//! # Loss
//!
//! After a block that is not whole or cannot be read the number of insertions is not known: [`Decoder::forget`] makes the
//! decoder one that joins right then.
//!
//! # Memory and secrets
//!
//! At most [`MAX_MEMORY`] bytes are kept per decoder, whatever size the peer chooses; what is dropped for that is unknown
//! later. Of values only those are kept that heads are made of ([`kept`]); credentials and cookies never are.

mod decoder;
mod huffman;
mod table;

pub use decoder::{Decoder, Error, Header};
pub use table::{MAX_MEMORY, kept};
