//! Which bytes of a whole have come.

/// A set of byte positions as ranges `first..end` that neither touch nor overlap, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    /// Most separate ranges that are kept.
    pub const LIMIT: usize = 1024;

    /// Adds `first..end`. False when there are too many holes to remember: the set is unchanged then.
    pub fn add(&mut self, first: u64, end: u64) -> bool {
        if first >= end {
            return true;
        }
        // Those that the new range touches or overlaps become one with it.
        let from = self.0.partition_point(|&(_, known_end)| known_end < first);
        let to = self.0.partition_point(|&(known_first, _)| known_first <= end);
        if from == to && self.0.len() >= Self::LIMIT {
            return false;
        }
        let merged =
            self.0[from..to].iter().fold((first, end), |all, known| (all.0.min(known.0), all.1.max(known.1)));
        self.0.splice(from..to, [merged]);
        true
    }

    /// Adds all of another set; false as for [`add`](Self::add).
    pub fn add_all(&mut self, other: &Self) -> bool {
        other.0.iter().all(|&(first, end)| self.add(first, end))
    }

    /// Whether all of `first..end` is in the set.
    pub fn covers(&self, first: u64, end: u64) -> bool {
        first >= end
            || self.0.iter().any(|&(known_first, known_end)| known_first <= first && end <= known_end)
    }

    /// Whether all of another set is in this one.
    pub fn covers_all(&self, other: &Self) -> bool {
        other.0.iter().all(|&(first, end)| self.covers(first, end))
    }
}

#[cfg(test)]
mod tests {
    use super::Ranges;
    use proptest::prelude::*;

    #[test]
    fn neighbours_become_one() {
        let mut ranges = Ranges::default();
        assert!(ranges.add(0, 10) && ranges.add(20, 30) && ranges.add(10, 20));
        assert_eq!(ranges.0, [(0, 30)]);
        assert!(ranges.covers(0, 30) && !ranges.covers(0, 31));
    }

    #[test]
    fn too_many_holes_are_refused() {
        let mut ranges = Ranges::default();
        for i in 0..Ranges::LIMIT as u64 {
            assert!(ranges.add(i * 10, i * 10 + 1));
        }
        assert!(!ranges.add(5, 6));
        assert!(ranges.add(1, 10), "a hole that is filled takes no room");
        assert!(ranges.add(5, 6));
    }

    proptest! {
        #[test]
        fn it_is_a_set_of_positions(added in prop::collection::vec((0_u64..40, 0_u64..40), 0..20)) {
            let mut ranges = Ranges::default();
            let mut positions = [false; 40];
            for (first, end) in added {
                prop_assert!(ranges.add(first, end));
                for at in first..end {
                    positions[usize::try_from(at).unwrap()] = true;
                }
            }
            for (at, &known) in (0_u64..).zip(&positions) {
                prop_assert_eq!(ranges.covers(at, at + 1), known);
            }
            prop_assert!(ranges.0.windows(2).all(|pair| pair[0].1 < pair[1].0));
        }
    }
}
