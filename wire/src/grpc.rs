//! gRPC over HTTP/2 (grpc/doc, "gRPC over HTTP2" and "Status codes and their use in gRPC").

use crate::protobuf::Fields;

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    /// 0
    Ok,
    /// 1: its caller gave it up.
    Canceled,
    /// 2: also what a server says of an error without a code.
    Unknown,
    /// 3
    InvalidArgument,
    /// 4: it took too long.
    DeadlineExceeded,
    /// 5
    NotFound,
    /// 6
    AlreadyExists,
    /// 7
    PermissionDenied,
    /// 8
    ResourceExhausted,
    /// 9
    FailedPrecondition,
    /// 10
    Aborted,
    /// 11
    OutOfRange,
    /// 12
    Unimplemented,
    /// 13
    Internal,
    /// 14
    Unavailable,
    /// 15
    DataLoss,
    /// 16
    Unauthenticated,
}

impl Status {
    /// By number.
    pub const ALL: [Self; 17] = [
        Self::Ok,
        Self::Canceled,
        Self::Unknown,
        Self::InvalidArgument,
        Self::DeadlineExceeded,
        Self::NotFound,
        Self::AlreadyExists,
        Self::PermissionDenied,
        Self::ResourceExhausted,
        Self::FailedPrecondition,
        Self::Aborted,
        Self::OutOfRange,
        Self::Unimplemented,
        Self::Internal,
        Self::Unavailable,
        Self::DataLoss,
        Self::Unauthenticated,
    ];

    /// The status of a number in `grpc-status`; `None` for one that has no meaning.
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// The status as a metric label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Canceled => "canceled",
            Self::Unknown => "unknown",
            Self::InvalidArgument => "invalid_argument",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::NotFound => "not_found",
            Self::AlreadyExists => "already_exists",
            Self::PermissionDenied => "permission_denied",
            Self::ResourceExhausted => "resource_exhausted",
            Self::FailedPrecondition => "failed_precondition",
            Self::Aborted => "aborted",
            Self::OutOfRange => "out_of_range",
            Self::Unimplemented => "unimplemented",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
            Self::DataLoss => "data_loss",
            Self::Unauthenticated => "unauthenticated",
        }
    }
}

/// Flag and length that stand before a message ("Length-Prefixed-Message").
const PREFIX: usize = 5;

/// A message of a call, or the start of one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// Whether `body` is compressed, by what `grpc-encoding` names.
    pub compressed: bool,
    /// Length of the message.
    pub length: u32,
    /// What is there of it.
    pub body: &'a [u8],
    /// Whether that is all.
    pub whole: bool,
}

/// Messages may hold credentials.
impl std::fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { compressed, length, body, whole } = self;
        write!(f, "Message({} of {length} bytes, whole: {whole}, compressed: {compressed})", body.len())
    }
}

impl<'a> Message<'a> {
    /// The first message in the data of one direction of a call; `None` where its prefix is not there, or is none.
    pub fn first(data: &'a [u8]) -> Option<Self> {
        let (&[flag, length @ ..], body) = data.split_first_chunk::<PREFIX>()?;
        let length = u32::from_be_bytes(length);
        let all = usize::try_from(length).ok().and_then(|length| body.get(..length));
        (flag <= 1).then_some(Self {
            compressed: flag == 1,
            length,
            body: all.unwrap_or(body),
            whole: all.is_some(),
        })
    }

    /// Its fields; none, and nothing known, where it is compressed.
    pub fn fields(&self) -> Fields<'a> {
        if self.compressed { Fields::of(&[], false) } else { Fields::of(self.body, self.whole) }
    }
}

/// Nanoseconds that `grpc-timeout` gives a call: at most eight digits and a unit ("Timeout"). `None` where it is none.
pub fn timeout(value: &[u8]) -> Option<u64> {
    let (unit, digits) = value.split_last()?;
    let nanoseconds: u64 = match unit {
        b'H' => 3_600_000_000_000,
        b'M' => 60_000_000_000,
        b'S' => 1_000_000_000,
        b'm' => 1_000_000,
        b'u' => 1_000,
        b'n' => 1,
        _ => return None,
    };
    if !(1..=8).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = digits.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0'));
    // Eight digits of hours are more than the 584 years that fit.
    Some(number.saturating_mul(nanoseconds))
}

#[cfg(test)]
mod tests;
