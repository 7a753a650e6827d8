//! The static table and what is known of the dynamic one. The invariant is in the module's header.

use std::collections::VecDeque;
use std::fmt;

use crate::http::Credentials;
use crate::trouble::Trouble;

/// Most memory that the dynamic table of one decoder takes, counting 64 bytes for each entry beside its text.
pub const MAX_MEMORY: usize = 16 * 1024;
/// Size of the dynamic table before the first size update (RFC 9113 section 6.5.2, `SETTINGS_HEADER_TABLE_SIZE`).
const DEFAULT_SIZE: u64 = 4096;
/// What an entry counts beside name and value (RFC 7541 section 4.1).
const ENTRY: u64 = 32;
/// Memory that an entry takes beside its text, about.
const OVERHEAD: usize = 64;

/// The part of a value that is kept in the table: of fields that no head needs nothing, of credentials the scheme.
///
/// Keeping what is kept changes nothing more.
pub fn kept<'a>(name: &[u8], value: &'a [u8]) -> &'a [u8] {
    match name {
        b":method"
        | b":path"
        | b":authority"
        | b":status"
        | b"host"
        | b"content-length"
        | b"content-type"
        | b"content-range"
        | b"location"
        | b"www-authenticate"
        | b"expect"
        | b"docker-content-digest"
        | b"grpc-status"
        | b"grpc-timeout" => value,
        // What it complains of; the text may name anything.
        b"grpc-message" => std::str::from_utf8(value)
            .ok()
            .and_then(Trouble::of_text)
            .map_or(b"", |trouble| trouble.as_str().as_bytes()),
        b"authorization" => match Credentials::of_field(value) {
            Credentials::None => b"",
            Credentials::Basic => b"basic",
            Credentials::Bearer => b"bearer",
            Credentials::Other | Credentials::Unknown => b"?",
        },
        _ => b"",
    }
}

/// What an index stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Looked<'a> {
    /// An entry; the name is `None` where it referred to an unknown one.
    Entry(Option<&'a [u8]>, &'a [u8]),
    /// Something that was not seen or was forgotten.
    Unknown,
    /// Nothing.
    Invalid,
}

struct Entry {
    name: Option<Box<[u8]>>,
    /// What is kept of the value.
    value: Box<[u8]>,
    /// What it counts at least (RFC 7541 section 4.1); exactly where the name is known.
    size: u64,
}

impl Entry {
    fn memory(&self) -> usize {
        OVERHEAD + self.name.as_ref().map_or(0, |name| name.len()) + self.value.len()
    }
}

/// The dynamic table, as far as it is known.
pub(super) struct Dynamic {
    /// The newest insertions, newest first.
    entries: VecDeque<Entry>,
    /// Sum of their sizes.
    size: u64,
    /// Sum of the memory that they take.
    memory: usize,
    /// The size that the peer has chosen, where it is known.
    limit: Option<u64>,
    /// Whether the peer's table has nothing that is not in `entries`.
    complete: bool,
}

/// The entries hold paths.
impl fmt::Debug for Dynamic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dynamic({} entries, complete: {})", self.entries.len(), self.complete)
    }
}

impl Dynamic {
    /// Nothing is known: what was inserted before, nor the size.
    pub fn unknown() -> Self {
        Self { entries: VecDeque::new(), size: 0, memory: 0, limit: None, complete: false }
    }

    /// The table at the start of a connection.
    pub fn empty() -> Self {
        Self { limit: Some(DEFAULT_SIZE), complete: true, ..Self::unknown() }
    }

    pub fn memory(&self) -> usize {
        self.memory
    }

    /// What `index` stands for, in the address space of both tables (RFC 7541 section 2.3.3).
    pub fn get(&self, index: u64) -> Looked<'_> {
        let Some(index) = index.checked_sub(1).and_then(|index| usize::try_from(index).ok()) else {
            return Looked::Invalid;
        };
        if let Some((name, value)) = STATIC.get(index) {
            return Looked::Entry(Some(name.as_bytes()), value.as_bytes());
        }
        match self.entries.get(index - STATIC.len()) {
            Some(Entry { name, value, .. }) => Looked::Entry(name.as_deref(), value),
            None if self.complete => Looked::Invalid,
            None => Looked::Unknown,
        }
    }

    /// The peer inserts a field.
    pub fn insert(&mut self, name: Option<&[u8]>, value: &[u8]) {
        let size = ENTRY + name.map_or(0, <[u8]>::len) as u64 + value.len() as u64;
        if self.limit.is_some_and(|limit| size > limit) {
            // It does not fit, and all else makes room for it (RFC 7541 section 4.4).
            self.clear();
            return;
        }
        let value = name.map_or(&b""[..], |name| kept(name, value));
        let entry = Entry { name: name.map(Box::from), value: value.into(), size };
        self.memory += entry.memory();
        self.size += size;
        self.entries.push_front(entry);
        self.evict();
        while self.memory > MAX_MEMORY {
            self.drop_oldest();
            self.complete = false;
        }
    }

    /// The peer chooses a size (RFC 7541 section 6.3).
    pub fn resize(&mut self, limit: u64) {
        self.limit = Some(limit);
        self.evict();
    }

    /// Takes away what is certainly gone.
    fn evict(&mut self) {
        let Some(limit) = self.limit else { return };
        while self.size > limit {
            self.drop_oldest();
            self.complete = true;
        }
        // Where not one more fits, what came before is gone.
        self.complete |= self.size + ENTRY > limit;
    }

    fn clear(&mut self) {
        self.entries.clear();
        (self.size, self.memory, self.complete) = (0, 0, true);
    }

    fn drop_oldest(&mut self) {
        if let Some(entry) = self.entries.pop_back() {
            self.size -= entry.size;
            self.memory -= entry.memory();
        }
    }
}

/// The static table (RFC 7541 appendix A).
#[rustfmt::skip]
const STATIC: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];
