//! What a response says at its end: gRPC tells there how a call ended (gRPC over HTTP2, "Responses").

use super::listed::Listed;
use super::{Field, Fields, decimal};
use crate::grpc::Status;
use crate::trouble::Trouble;

/// The fields behind a body, or those of a head that is all there is of a response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trailers {
    /// `grpc-status`: `None` where there is none, or it is none of those that have a meaning, or it is not known.
    pub status: Option<Status>,
    /// What the text of `grpc-message` complains of. The text is not kept.
    pub trouble: Option<Trouble>,
}

impl Trailers {
    /// Reads trailers.
    pub fn from_fields<'a>(list: impl Iterator<Item = Field<'a>>) -> Self {
        Self::of(&Listed::of(list).fields)
    }

    pub(crate) fn of(fields: &Fields<'_>) -> Self {
        let status = fields.grpc_status.and_then(decimal).and_then(|number| u16::try_from(number).ok());
        let message = fields.grpc_message.and_then(|message| std::str::from_utf8(message).ok());
        Self {
            status: status.and_then(Status::from_number),
            // It is percent-encoded, but for what can be printed: the words that matter stand in it as they are. HPACK's table
            // keeps only what it comes to.
            trouble: message.and_then(|text| Trouble::of_label(text).or_else(|| Trouble::of_text(text))),
        }
    }
}
