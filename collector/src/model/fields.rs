//! Fields that goroutines are about to send, or have received, until the message comes that they belong to.
//!
//! The kernel programs tell each field on its own, and then the message, all of the same goroutine. Any of these records may
//! be lost. A list that cannot be whole is never taken for one: a request without its path is no request.

use wire::http::Field;

use super::event::{Captured, Pid};
use super::recent::Recent;

/// Most fields of one message; the kernel programs tell only those that matter.
const MOST: usize = 64;
/// Most bytes of one message's fields.
const MOST_BYTES: usize = 32 * 1024;

/// The fields of all goroutines.
pub(super) struct Fields(Recent<(Pid, u64), List>);

/// The fields of one message. They may be signed URLs: there is no `Debug`.
#[derive(Default)]
pub(super) struct List {
    fields: Vec<(Captured, Captured, bool)>,
    bytes: usize,
    /// Some are missing.
    cut: bool,
}

impl Fields {
    pub fn new(goroutines: usize) -> Self {
        Self(Recent::new(goroutines))
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// One more field of what the goroutine tells next. One that cannot follow those before it begins another list: their
    /// message was lost.
    pub fn add(&mut self, by: (Pid, u64), name: Captured, value: Captured, truncated: bool) {
        if self.0.get(&by).is_none_or(|list| list.is_before(&name)) {
            // Whose list gives way here is told when its message comes.
            self.0.insert(by, List::default());
        }
        if let Some(list) = self.0.get(&by) {
            list.add(name, value, truncated);
        }
    }

    /// What the goroutine has told since its last message.
    pub fn take(&mut self, by: (Pid, u64)) -> List {
        self.0.remove(&by).unwrap_or_default()
    }

    /// The process is gone.
    pub fn process_ended(&mut self, pid: Pid) {
        let of_process: Vec<_> = self.0.keys().filter(|(by, _)| *by == pid).copied().collect();
        for by in of_process {
            self.0.remove(&by);
        }
    }

    /// Records were lost, perhaps messages: no field is known to belong to the next one.
    pub fn clear(&mut self) {
        let all: Vec<_> = self.0.keys().copied().collect();
        for by in all {
            self.0.remove(&by);
        }
    }
}

impl List {
    /// Whether a field of that name begins another message: pseudo fields come first, and each once (RFC 9113 section 8.3).
    fn is_before(&self, name: &[u8]) -> bool {
        name.starts_with(b":")
            && self.fields.iter().any(|(known, ..)| !known.starts_with(b":") || **known == *name)
    }

    fn add(&mut self, name: Captured, value: Captured, truncated: bool) {
        let bytes = self.bytes + name.len() + value.len();
        if self.fields.len() == MOST || bytes > MOST_BYTES {
            self.cut = true;
            return;
        }
        self.bytes = bytes;
        self.fields.push((name, value, truncated));
    }

    pub fn has(&self, name: &[u8]) -> bool {
        self.fields.iter().any(|(known, ..)| **known == *name)
    }

    /// The fields. `truncated`: the message had more.
    pub fn iter(&self, truncated: bool) -> impl Iterator<Item = Field<'_>> {
        let fields =
            self.fields.iter().map(|(name, value, truncated)| Field { name, value, truncated: *truncated });
        fields.chain((truncated || self.cut).then_some(Field::CUT))
    }
}
