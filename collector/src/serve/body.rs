//! What an answer's body is.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};

/// In one piece, or as it comes.
pub type Body = UnsyncBoxBody<Bytes, Infallible>;

/// One that is there as a whole.
pub fn whole(body: impl Into<Bytes>) -> Body {
    Full::new(body.into()).boxed_unsync()
}
