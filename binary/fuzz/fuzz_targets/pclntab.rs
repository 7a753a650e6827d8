//! A program made by hand of which words are changed: whatever is still found stands behind a check of the stack.
//!
//! The input is a list of changes, of ten bytes each: which part, where in it, and what is written there.
#![no_main]

#[path = "../../tests/support/mod.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod support;

use binary::{Program, inspect};
use libfuzzer_sys::fuzz_target;
use support::{Go, INFO, MODULE, TABLE, put64};

fuzz_target!(|changes: &[u8]| {
    let Some((form, changes)) = changes.split_first() else { return };
    let has = |bit: u8| form & bit != 0;
    let go = Go {
        version: if has(1) { "go1.27.3" } else { "go1.22.3" },
        text_in_header: has(2),
        relocated: has(4),
        sections: has(8),
        ..Go::default()
    };
    let mut file = go.build();
    for change in changes.chunks_exact(10) {
        let (place, value) = change.split_at(2);
        let place = usize::from(u16::from_le_bytes(place.try_into().expect("two bytes")));
        let at = [0, TABLE, MODULE, INFO][place % 4] + (place >> 2) % 0x1000;
        if at + 8 <= file.len() {
            put64(&mut file, at, u64::from_le_bytes(value.try_into().expect("eight bytes")));
        }
    }
    if let Ok(Program::Go(program)) = inspect(&*file) {
        for (_, offset) in program.probes {
            let at = usize::try_from(offset).expect("an offset in the file") - 6;
            assert!(file[at..].starts_with(&[0x49, 0x3b, 0x66, 0x10, 0x76]));
        }
    }
});
