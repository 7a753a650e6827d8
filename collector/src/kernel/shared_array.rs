//! An array map of integers that the collector and the kernel programs change at the same time, through a mapping of its
//! memory: no system call, and atomic on both sides.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context;
use memmap2::{MmapOptions, MmapRaw};

/// The mapping.
pub struct SharedArray {
    map: MmapRaw,
    len: usize,
}

impl SharedArray {
    /// Maps an array map that was made with `BPF_F_MMAPABLE` and has `len` elements. The kernel gives every element eight
    /// bytes (kernel/bpf/arraymap.c: `array_map_alloc` rounds the value size up).
    pub fn new(map: BorrowedFd<'_>, len: usize) -> anyhow::Result<Self> {
        let map = MmapOptions::new()
            .len((len * size_of::<u64>()).next_multiple_of(page_size()))
            .map_raw(&map.as_fd())
            .context("cannot map a map of the kernel programs into memory")?;
        Ok(Self { map, len })
    }

    #[expect(clippy::cast_ptr_alignment, reason = "a mapping begins at a page")]
    fn element(&self, index: usize) -> Option<&AtomicU64> {
        // SAFETY: within the mapping, aligned since the mapping begins at a page, and only touched atomically, by us and by
        // the kernel programs.
        (index < self.len)
            .then(|| unsafe { AtomicU64::from_ptr(self.map.as_mut_ptr().cast::<u64>().add(index)) })
    }

    /// Stores a value; an index outside is ignored.
    pub fn store(&self, index: usize, value: u64) {
        if let Some(element) = self.element(index) {
            element.store(value, Ordering::SeqCst);
        }
    }

    /// Sets or clears one bit of the array taken as one long row of bits.
    pub fn set_bit(&self, bit: usize, value: bool) {
        let Some(element) = self.element(bit / 64) else { return };
        let mask = 1 << (bit % 64);
        if value {
            element.fetch_or(mask, Ordering::SeqCst);
        } else {
            element.fetch_and(!mask, Ordering::SeqCst);
        }
    }
}

fn page_size() -> usize {
    procfs::page_size().try_into().unwrap_or(4096)
}
