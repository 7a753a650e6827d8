//! What both versions of HTTP have in common: heads, framing, and what a connection's decoder reports.
//!
//! A head comes from bytes ([`crate::http1`]) or from a list of fields ([`RequestHead::from_fields`]), which a connection's
//! [`crate::http2`] decoder or a program's own memory gives.

mod fact;
mod fields;
mod framing;
mod listed;
mod location;
mod media_type;
mod method;
mod request;
mod response;
#[cfg(test)]
pub(crate) mod shown;
mod trailers;

pub(crate) use fields::{Fields, decimal};
pub(crate) use location::{Url, split_query};
pub(crate) use request::registry_auth;

pub use fact::{Content, Direction, Fact, Outcome, Role, Unparsed};
pub use framing::Framing;
pub use listed::Field;
pub use location::{Location, Realm};
pub use media_type::MediaType;
pub use method::Method;
pub use request::{Credentials, RequestHead, RequestTarget};
pub use response::{ContentRange, ResponseHead};
pub use trailers::Trailers;

/// Why a head could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HeadError {
    /// The head does not end in these bytes.
    Incomplete,
    /// It has more fields, or longer ones, than are looked at.
    TooLong,
    /// It is no head.
    Syntax,
    /// Its length fields contradict themselves.
    Framing,
    /// A field that every head has was not captured, or only its start was.
    Truncated,
    /// A field that every head has is not known: it refers to what the peer sent before pullscope began to watch.
    Unknown,
}

impl HeadError {
    /// The reason under which a head that was complete and cannot be used is counted.
    pub fn unparsed(self) -> Unparsed {
        match self {
            Self::TooLong | Self::Truncated => Unparsed::HeadTooLong,
            Self::Incomplete | Self::Syntax => Unparsed::BadHead,
            Self::Framing => Unparsed::BadFraming,
            Self::Unknown => Unparsed::HpackUnknown,
        }
    }
}
