//! A head that comes as a list of fields (RFC 9113 section 8.3).

use super::{Credentials, Fields, HeadError};

/// One field of a list. Names are in lower case.
///
/// A field without a name is one that is not known. It was not captured when it is `truncated`, else it refers to what was
/// sent before pullscope began to watch.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// The name; `:` before those that belong to the protocol (`:path`).
    pub name: &'a [u8],
    /// The value, or the start of it.
    pub value: &'a [u8],
    /// Whether the value is longer than that.
    pub truncated: bool,
}

impl Field<'static> {
    /// One or more fields that were not captured.
    pub const CUT: Self = Self { name: b"", value: b"", truncated: true };
    /// A field that refers to what was sent before pullscope began to watch.
    pub const UNKNOWN: Self = Self { name: b"", value: b"", truncated: false };
}

/// Values may be credentials or signed URLs.
impl std::fmt::Debug for Field<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Field({} + {} bytes)", self.name.len(), self.value.len())
    }
}

/// A field that is there once or not at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Once<'a> {
    #[default]
    Absent,
    Whole(&'a [u8]),
    Truncated,
    /// Twice: the head is malformed (RFC 9113 section 8.3), and which one the peer takes is not known.
    Repeated,
}

impl<'a> Once<'a> {
    fn add(&mut self, field: &Field<'a>) {
        *self = match self {
            Self::Absent if field.truncated => Self::Truncated,
            Self::Absent => Self::Whole(field.value),
            _ => Self::Repeated,
        };
    }
}

/// What a list of fields says.
#[derive(Default)]
pub(super) struct Listed<'a> {
    pub fields: Fields<'a>,
    method: Once<'a>,
    path: Once<'a>,
    authority: Once<'a>,
    status: Once<'a>,
    host_truncated: bool,
    /// Whether fields are missing that were not captured.
    cut: bool,
    /// Whether fields are missing that are not known.
    unknown: bool,
}

impl<'a> Listed<'a> {
    pub fn of(list: impl Iterator<Item = Field<'a>>) -> Self {
        let mut listed = Self::default();
        for field in list {
            listed.add(&field);
        }
        if listed.fields.credentials == Credentials::None && !listed.whole() {
            listed.fields.credentials = Credentials::Unknown;
        }
        listed
    }

    fn add(&mut self, field: &Field<'a>) {
        match field.name {
            b"" if field.truncated => self.cut = true,
            b"" => self.unknown = true,
            b":method" => self.method.add(field),
            b":path" => self.path.add(field),
            b":authority" => self.authority.add(field),
            b":status" => self.status.add(field),
            // They say nothing over HTTP/2 (RFC 9113 section 8.2.2).
            b"connection" | b"transfer-encoding" | b"upgrade" => {}
            b"host" if field.truncated => self.host_truncated = true,
            name if field.truncated => self.fields.add_truncated(name, field.value),
            name => self.fields.add(name, field.value),
        }
    }

    /// Whether a field that is not in the list was not in the head.
    fn whole(&self) -> bool {
        !self.cut && !self.unknown
    }

    pub fn method(&self) -> Result<&'a [u8], HeadError> {
        self.demand(self.method)
    }

    pub fn path(&self) -> Result<&'a [u8], HeadError> {
        self.demand(self.path)
    }

    pub fn status(&self) -> Result<&'a [u8], HeadError> {
        self.demand(self.status)
    }

    /// The host that is asked: `:authority`, which a `host` field must not differ from (RFC 9113 section 8.3.1), else
    /// `host`. That one does not count where `:authority` may be among what is missing.
    pub fn host(&self) -> Option<&'a [u8]> {
        match self.authority {
            Once::Whole(authority) => Some(authority),
            Once::Truncated | Once::Repeated => None,
            Once::Absent => self.fields.host().filter(|_| self.whole() && !self.host_truncated),
        }
    }

    /// A field that every head of its kind has.
    fn demand(&self, field: Once<'a>) -> Result<&'a [u8], HeadError> {
        match field {
            Once::Whole(value) => Ok(value),
            Once::Truncated => Err(HeadError::Truncated),
            Once::Absent if self.cut => Err(HeadError::Truncated),
            Once::Absent if self.unknown => Err(HeadError::Unknown),
            Once::Absent | Once::Repeated => Err(HeadError::Syntax),
        }
    }
}
