//! HTTP/1.x as seen from outside: both directions of one connection become exchanges.
//!
//! [`Connection`] takes bytes with their stream positions and gives [`Fact`](crate::http::Fact)s.
//! [`RequestHead::parse`](crate::http::RequestHead::parse) and [`ResponseHead::parse`](crate::http::ResponseHead::parse) read
//! one head, [`Framing`](crate::http::Framing) says where its body ends (RFC 9112 section 6.3), [`Chunked`] walks a chunked
//! body.

mod body;
mod chunked;
mod connection;
mod head;
mod queue;
mod request;
mod requests;
mod response;
mod responses;
mod stream;

pub use chunked::{Chunked, Progress};
pub use connection::Connection;
