//! HTTP/2 as seen from outside (RFC 9113).
//!
//! [`Connection`] takes frames and gives [`Fact`](crate::http::Fact)s; [`hpack`] reads their header blocks.

mod block;
mod connection;
mod frame;
pub mod hpack;
mod requests;
mod responses;
mod stream;

pub use connection::Connection;
pub use frame::FrameHead;
