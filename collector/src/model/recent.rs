//! A map that holds a bounded number of entries: the one that was used least recently gives way.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// The map. Order of use is by count, not by time.
pub(super) struct Recent<K, V> {
    entries: HashMap<K, Entry<V>>,
    order: BTreeMap<u64, K>,
    uses: u64,
    limit: usize,
}

struct Entry<V> {
    used: u64,
    value: V,
}

impl<K: Copy + Eq + Hash, V> Recent<K, V> {
    /// An empty map for at most `limit` entries, and for one at least.
    pub fn new(limit: usize) -> Self {
        Self { entries: HashMap::new(), order: BTreeMap::new(), uses: 0, limit: limit.max(1) }
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Puts an entry in, in place of one with the same key. Gives back what had to make room.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.remove(&key);
        let evicted = if self.entries.len() < self.limit {
            None
        } else {
            let oldest = self.order.pop_first();
            oldest.and_then(|(_, key)| self.entries.remove(&key)).map(|entry| entry.value)
        };
        self.uses += 1;
        self.order.insert(self.uses, key);
        self.entries.insert(key, Entry { used: self.uses, value });
        evicted
    }

    /// Looks without using.
    pub fn peek(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|entry| &entry.value)
    }

    /// Uses an entry: it becomes the last to give way.
    pub fn get(&mut self, key: &K) -> Option<&mut V> {
        let entry = self.entries.get_mut(key)?;
        self.uses += 1;
        self.order.remove(&entry.used);
        self.order.insert(self.uses, *key);
        entry.used = self.uses;
        Some(&mut entry.value)
    }

    pub fn remove(&mut self, key: &K) -> Option<V> {
        let entry = self.entries.remove(key)?;
        self.order.remove(&entry.used);
        Some(entry.value)
    }

    /// The keys, least recently used first.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.order.values()
    }
}

#[cfg(test)]
mod tests {
    use super::Recent;

    #[test]
    fn the_least_recently_used_gives_way() {
        let mut map = Recent::new(2);
        assert_eq!(map.insert("a", 1), None);
        assert_eq!(map.insert("b", 2), None);
        assert_eq!(map.get(&"a"), Some(&mut 1));
        assert_eq!(map.insert("c", 3), Some(2));
        assert_eq!(map.keys().copied().collect::<Vec<_>>(), ["a", "c"]);
    }

    #[test]
    fn the_same_key_takes_no_more_room() {
        let mut map = Recent::new(2);
        map.insert("a", 1);
        map.insert("b", 2);
        assert_eq!(map.insert("a", 3), None);
        assert_eq!((map.len(), map.peek(&"a"), map.peek(&"b")), (2, Some(&3), Some(&2)));
        assert_eq!(map.remove(&"a"), Some(3));
        assert_eq!((map.len(), map.keys().count()), (1, 1));
    }

    #[test]
    fn there_is_always_room_for_one() {
        let mut map = Recent::new(0);
        assert_eq!(map.insert(1, 'a'), None);
        assert_eq!(map.insert(2, 'b'), Some('a'));
        assert_eq!(map.len(), 1);
    }
}
