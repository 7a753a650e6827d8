//! Why a pull failed, as one of a few reasons.

use crate::grpc::Status;

mod text;

/// A reason. What is told in text is brought down to one of these; the text is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Trouble {
    /// Credentials are missing, wrong, or not enough (401, 403).
    Unauthorized,
    /// There is no such image, manifest or blob (404).
    NotFound,
    /// Too many requests (429).
    RateLimited,
    /// The registry failed (5xx).
    ServerError,
    /// Nobody listens there.
    ConnectionRefused,
    /// No way leads there.
    Unreachable,
    /// The registry's name has no address, or could not be looked up.
    Dns,
    /// No TLS connection came about.
    Tls,
    /// It took too long.
    Timeout,
    /// The connection broke off.
    Reset,
    /// Who asked for the pull gave it up.
    Canceled,
    /// The process that pulled was killed.
    Killed,
    /// There is no room for the image.
    NoSpace,
    /// Something else, or it is not known what.
    Other,
}

impl Trouble {
    /// Every reason, for metrics that exist from the start.
    pub const ALL: [Self; 14] = [
        Self::Unauthorized,
        Self::NotFound,
        Self::RateLimited,
        Self::ServerError,
        Self::ConnectionRefused,
        Self::Unreachable,
        Self::Dns,
        Self::Tls,
        Self::Timeout,
        Self::Reset,
        Self::Canceled,
        Self::Killed,
        Self::NoSpace,
        Self::Other,
    ];

    /// The reason that has this metric label.
    pub(crate) fn of_label(label: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|trouble| trouble.as_str() == label)
    }

    /// The reason as a metric label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::NotFound => "not_found",
            Self::RateLimited => "rate_limited",
            Self::ServerError => "server_error",
            Self::ConnectionRefused => "connection_refused",
            Self::Unreachable => "unreachable",
            Self::Dns => "dns",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Reset => "reset",
            Self::Canceled => "canceled",
            Self::Killed => "killed",
            Self::NoSpace => "no_space",
            Self::Other => "other",
        }
    }

    /// What a failing status code of a registry says; `None` for one that is no failure.
    pub fn of_code(code: u16) -> Option<Self> {
        match code {
            401 | 403 | 407 => Some(Self::Unauthorized),
            404 | 410 => Some(Self::NotFound),
            408 | 504 => Some(Self::Timeout),
            429 => Some(Self::RateLimited),
            500..=599 => Some(Self::ServerError),
            400..=499 => Some(Self::Other),
            _ => None,
        }
    }

    /// What an error text complains of; `None` where nothing in it is known. It may be percent-encoded as in `grpc-message`:
    /// that leaves the words as they are.
    pub fn of_text(text: &str) -> Option<Self> {
        text::classify(text)
    }

    /// What the status of a call says by itself; `None` for success and for a status that does not say why: most runtimes answer
    /// `unknown` whatever happened, `unavailable` is also theirs, and `resource_exhausted` is also that of a large message.
    pub fn of_status(status: Status) -> Option<Self> {
        match status {
            Status::Canceled => Some(Self::Canceled),
            Status::DeadlineExceeded => Some(Self::Timeout),
            Status::NotFound => Some(Self::NotFound),
            Status::PermissionDenied | Status::Unauthenticated => Some(Self::Unauthorized),
            Status::Ok
            | Status::Unknown
            | Status::InvalidArgument
            | Status::AlreadyExists
            | Status::ResourceExhausted
            | Status::FailedPrecondition
            | Status::Aborted
            | Status::OutOfRange
            | Status::Unimplemented
            | Status::Internal
            | Status::Unavailable
            | Status::DataLoss => None,
        }
    }
}

#[cfg(test)]
mod tests;
