//! The captured start of a body.

/// Most bytes that are kept.
const MOST: usize = 32 * 1024;

/// The start of a body, up to the first byte that was not captured.
#[derive(Default)]
pub(super) struct Start {
    bytes: Vec<u8>,
    /// Bytes follow that are not here.
    cut: bool,
}

impl Start {
    /// More of the body; `gap`: bytes before it were not captured.
    pub fn extend(&mut self, bytes: &[u8], gap: bool) {
        self.cut |= gap;
        if self.cut {
            return;
        }
        let room = MOST - self.bytes.len();
        self.cut = bytes.len() > room;
        self.bytes.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    /// What there is.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_behind_a_gap_is_taken_for_the_start() {
        let mut start = Start::default();
        start.extend(b"abc", false);
        start.extend(b"def", false);
        start.extend(b"xyz", true);
        start.extend(b"xyz", false);
        assert_eq!(start.bytes(), b"abcdef");
    }

    #[test]
    fn no_more_than_a_bounded_start_is_kept() {
        let mut start = Start::default();
        for _ in 0..100 {
            start.extend(&[0; 1000], false);
        }
        assert_eq!(start.bytes().len(), MOST);
    }
}
