//! HTTP/1.x as seen from outside: both directions of one connection become exchanges.
//!
//! [`Connection`] takes bytes with their stream positions and gives [`Fact`]s. [`RequestHead`] and [`ResponseHead`]
//! parse one head, [`Framing`] says where its body ends (RFC 9112 section 6.3), [`Chunked`] walks a chunked body.

mod body;
mod chunked;
mod connection;
mod fact;
mod fields;
mod framing;
mod head;
mod location;
mod media_type;
mod method;
mod queue;
mod request;
mod requests;
mod response;
mod responses;
mod stream;

pub use chunked::{Chunked, Progress};
pub use connection::Connection;
pub use fact::{Direction, Fact, Outcome, Role, Unparsed};
pub use framing::Framing;
pub use head::HeadError;
pub use location::{Location, Realm};
pub use media_type::MediaType;
pub use method::Method;
pub use request::{Credentials, RequestHead, RequestTarget};
pub use response::{ContentRange, ResponseHead};
