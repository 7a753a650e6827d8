//! What an entry of the kernel programs' tables is found by.
//!
//! A TCP connection is known by the address of its `struct sock`, since the programs see its end before the address is used
//! again. The end of other sockets they don't see: those are known by the number of their inode, which no other socket gets
//! while the entry is there (fs/inode.c: `get_next_ino` counts up through 32 bits). The two can't be confused: the addresses
//! of the kernel have their highest bit set, the numbers have not. All have three low bits to spare.

use crate::conn::Direction;
use crate::event::Layer;

/// The key of the socket with this inode, in the table of connections and in that of decrypted streams.
#[must_use]
pub const fn of_inode(inode: u64) -> u64 {
    inode << 3
}

/// The key of what is remembered of the frames of one layer of a connection.
#[must_use]
pub const fn of_walk(socket: u64, layer: Layer) -> u64 {
    socket | layer as u64
}

/// The key of the frame whose payload has not come to its end, in one direction of one layer of a connection.
#[must_use]
pub const fn of_partial(socket: u64, layer: Layer, direction: Direction) -> u64 {
    of_walk(socket, layer) | (direction as u64) << 1
}

/// Size of what is remembered of the frames of a connection. Only the programs look into it; the collector takes it out.
pub const WALK_SIZE: usize = 680;

/// The same of a frame whose payload has not come to its end.
pub const PARTIAL_SIZE: usize = 8320;
