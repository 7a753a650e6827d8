//! Files that lie: refused, with the right reason, within the limits.

#[allow(dead_code, reason = "shared with the fuzz targets")]
mod support;

use std::cell::Cell;
use std::io;

use binary::{MAX_READ, Point, Program, Refusal, Source, inspect};
use proptest::prelude::*;
use support::{BASE, BEHIND_CHECK, CODE, FUNCTION, Go, INFO, MODULE, TABLE, put16, put32, put64};

fn of(file: &[u8]) -> Result<Program, Refusal> {
    inspect(file)
}

fn probes(file: &[u8]) -> Vec<(Point, u64)> {
    match of(file) {
        Ok(Program::Go(program)) => program.probes,
        other => panic!("{other:?}"),
    }
}

fn refused(file: &[u8]) -> Refusal {
    of(file).expect_err("it should be refused")
}

/// Where the probes of the two functions of the made program belong.
fn expected() -> Vec<(Point, u64)> {
    let at = |index: usize| (CODE + index * FUNCTION) as u64 + BEHIND_CHECK;
    vec![(Point::H1Response, at(1)), (Point::Serve, at(2))]
}

#[test]
fn the_made_program_is_read_in_all_its_forms() {
    for (version, magic, text_in_header) in [
        ("go1.19.8", 0xf0, true),
        ("go1.22.3", 0xf1, true),
        ("go1.26.0", 0xf1, false),
        ("go1.27.3", 0xf1, false),
    ] {
        for relocated in [false, true] {
            for sections in [false, true] {
                let go = Go { version, magic, text_in_header, relocated, sections, ..Go::default() };
                assert_eq!(
                    probes(&go.build()),
                    expected(),
                    "{version} relocated {relocated} sections {sections}"
                );
            }
        }
    }
}

#[test]
fn what_is_no_program_for_this_machine() {
    assert_eq!(refused(b""), Refusal::NotElf);
    assert_eq!(refused(&[0; 4096]), Refusal::NotElf);
    assert_eq!(
        refused(b"#!/bin/sh\necho this is long enough to have held the header of a program\n"),
        Refusal::NotElf
    );
    let mut other = Go::default().build();
    put16(&mut other, 18, 183);
    assert_eq!(refused(&other), Refusal::Machine(183));
    let mut object = Go::default().build();
    put16(&mut object, 16, 1);
    assert_eq!(refused(&object), Refusal::NotElf);
}

#[test]
fn releases_that_are_not_known() {
    let version = |version| refused(&Go { version, ..Go::default() }.build());
    assert!(matches!(version("go1.18.10"), Refusal::TooOld(Some(_))));
    assert!(matches!(version("go1.28"), Refusal::TooNew(_)));
    assert_eq!(version("devel go1.28-0123456789"), Refusal::Development);
    assert_eq!(version(""), Refusal::VersionUnknown);
    let mut pointers = Go::default().build();
    pointers[INFO + 15] = 0;
    assert_eq!(refused(&pointers), Refusal::TooOld(None));
    let mut gone = Go::default().build();
    gone[INFO] = 0;
    assert_eq!(refused(&gone), Refusal::VersionUnknown);
}

#[test]
fn a_table_that_disagrees_with_the_module_data() {
    let broken = |at: usize, value: u64| {
        let mut file = Go::default().build();
        put64(&mut file, at, value);
        refused(&file)
    };
    // Each word that module data repeat of the table, off by one, and the code's beginning off by one.
    for word in [0, 1, 2, 3, 13, 14, 15, 16, 17, 18, 20, 21, 22] {
        let file = Go::default().build();
        let value = u64::from_le_bytes(file[MODULE + word * 8..][..8].try_into().unwrap());
        let value = value + 1;
        assert_eq!(broken(MODULE + word * 8, value), Refusal::NoModuleData, "word {word}");
    }
    assert_eq!(broken(TABLE + 24, BASE + CODE as u64 + 1), Refusal::NoModuleData);
}

#[test]
fn counts_and_offsets_beyond_all_bounds() {
    for value in [u64::MAX, u64::MAX - 7, 1 << 62, 1 << 40, 1 << 32] {
        for word in 1..9 {
            if word == 2 || word == 3 {
                continue;
            }
            let mut file = Go::default().build();
            put64(&mut file, TABLE + word * 8, value);
            assert!(matches!(refused(&file), Refusal::BadFunctions(_)), "word {word} is {value}");
        }
        for at in [72, 96, 120, 128] {
            let mut file = Go::default().build();
            put64(&mut file, at, value);
            assert!(of(&file).is_err() || at == 128, "program header at {at} is {value}");
        }
        let mut file = Go::default().build();
        put64(&mut file, 40, value);
        assert!(matches!(refused(&file), Refusal::Malformed(_)), "section headers at {value}");
    }
}

#[test]
fn functions_that_must_not_be_probed() {
    let doubtful = |file: &[u8]| match of(file) {
        Ok(Program::Go(program)) => program.refused,
        other => panic!("{other:?}"),
    };
    let mut int3 = Go::default().build();
    int3[CODE + FUNCTION] = 0xcc;
    assert_eq!(doubtful(&int3), [(Point::H1Response, Refusal::Instruction)]);

    let functions = vec!["net/http.ReadResponse", "main.main", "net/http.ReadResponse"];
    let twice = Go { functions, ..Go::default() }.build();
    assert!(doubtful(&twice).iter().all(|refused| *refused == (Point::H1Response, Refusal::Repeated)));
    assert!(probes(&twice).is_empty());

    let mut writable = Go::default().build();
    put32(&mut writable, 64 + 56 + 4, 7);
    assert_eq!(refused(&writable), Refusal::NotCode);
    let mut data = Go::default().build();
    put32(&mut data, 64 + 56 + 4, 4);
    assert_eq!(refused(&data), Refusal::NotCode);
}

#[test]
fn a_description_that_is_another_functions() {
    let mut file = Go::default().build();
    let entries = u64::from_le_bytes(file[TABLE + 64..][..8].try_into().unwrap());
    let pair = TABLE + usize::try_from(entries).unwrap() + 8;
    let description = u32::from_le_bytes(file[pair + 4..][..4].try_into().unwrap());
    put32(&mut file, pair + 4, description + 48);
    let Ok(Program::Go(program)) = of(&file) else { panic!("it is a program all the same") };
    assert!(program.probes.is_empty() && program.refused.len() == 1, "{program:?}");
}

#[test]
fn two_tables_without_sections() {
    let mut file = Go { sections: false, ..Go::default() }.build();
    // Only what begins like one is no second table.
    file.copy_within(TABLE..TABLE + 8, TABLE + 0x2000);
    assert_eq!(probes(&file), expected());
    // A whole second one with module data of its own is.
    let shift = 0x2000;
    file.copy_within(TABLE..TABLE + 0x1000, TABLE + shift);
    file.copy_within(MODULE..MODULE + 24 * 8, MODULE + 0xc00);
    for word in [0, 1, 13, 16] {
        let at = MODULE + 0xc00 + word * 8;
        let value = u64::from_le_bytes(file[at..at + 8].try_into().unwrap());
        put64(&mut file, at, value + shift as u64);
    }
    assert_eq!(refused(&file), Refusal::Ambiguous);
}

/// A file that is said to be very large, and counts what is read of it.
struct Huge {
    start: Vec<u8>,
    /// Where pairs of functions and descriptions are made up, and how many. The descriptions lie far from each other.
    pairs: Option<(u64, u64)>,
    read: Cell<u64>,
}

impl Source for Huge {
    fn size(&self) -> io::Result<u64> {
        Ok(1 << 60)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.read.set(self.read.get() + into.len() as u64);
        into.fill(0);
        if let Some(rest) = usize::try_from(offset).ok().and_then(|offset| self.start.get(offset..)) {
            let len = rest.len().min(into.len());
            into[..len].copy_from_slice(&rest[..len]);
        }
        let Some((start, count)) = self.pairs.filter(|(start, count)| offset < start + count * 8 + 4) else {
            return Ok(());
        };
        for (number, at) in into.chunks_exact_mut(4).zip((offset..).step_by(4)) {
            if at >= start && at < start + count * 8 + 4 {
                let (index, is_description) = ((at - start) / 8, (at - start) % 8 != 0);
                let value = match is_description {
                    true => (index * 0x9e37_79b1) & 0xffff_ffff,
                    false if index == count => FUNCTION as u64,
                    false => 0,
                };
                put32(number, 0, u32::try_from(value).unwrap());
            }
        }
        Ok(())
    }
}

#[test]
fn a_file_without_end_is_read_up_to_the_limit() {
    let mut start = Go { sections: false, ..Go::default() }.build();
    start[INFO] = 0;
    // Its data segment goes on and on.
    for at in [32, 40] {
        put64(&mut start, 64 + 3 * 56 + at, 1 << 50);
    }
    let huge = Huge { start, pairs: None, read: Cell::new(0) };
    assert_eq!(inspect(&huge), Err(Refusal::TooMuch));
    assert!(huge.read.get() <= MAX_READ);
}

#[test]
fn descriptions_all_over_the_file_use_up_the_limit() {
    let functions = 4 << 20;
    let mut start = Go { text_in_header: false, ..Go::default() }.build();
    // The pairs of functions and descriptions are far behind the names.
    let entries = 1 << 30;
    put64(&mut start, TABLE + 8, functions);
    put64(&mut start, TABLE + 64, entries);
    for word in [13, 16] {
        put64(&mut start, MODULE + word * 8, BASE + TABLE as u64 + entries);
    }
    // The table's segment is made large, and the data moved out of its way.
    put64(&mut start, 64 + 2 * 56 + 32, 1 << 40);
    put64(&mut start, 64 + 2 * 56 + 40, 1 << 40);
    put64(&mut start, 64 + 3 * 56 + 16, BASE + (1 << 41));
    for (word, value) in [(14, 1 << 39), (15, 1 << 39), (17, functions + 1), (18, functions + 1)] {
        put64(&mut start, MODULE + word * 8, value);
    }
    for word in [21, 23] {
        put64(&mut start, MODULE + word * 8, BASE + (CODE + FUNCTION) as u64);
    }
    let pairs = Some((TABLE as u64 + entries, functions));
    let huge = Huge { start, pairs, read: Cell::new(0) };
    assert_eq!(inspect(&huge), Err(Refusal::TooMuch));
    assert!(huge.read.get() > MAX_READ / 2 && huge.read.get() <= MAX_READ);
}

#[test]
fn a_file_that_is_cut_short_anywhere() {
    for sections in [false, true] {
        let file = Go { relocated: true, sections, ..Go::default() }.build();
        for len in (0..file.len()).step_by(61) {
            // Never a panic; and nothing is found that is not there.
            if let Ok(Program::Go(program)) = of(&file[..len]) {
                assert!(program.probes.iter().all(|probe| expected().contains(probe)));
            }
        }
    }
}

#[test]
fn a_reader_that_fails_is_a_refusal() {
    struct Broken;
    impl Source for Broken {
        fn size(&self) -> io::Result<u64> {
            Ok(4096)
        }
        fn read_at(&self, _: u64, _: &mut [u8]) -> io::Result<()> {
            Err(io::ErrorKind::PermissionDenied.into())
        }
    }
    assert_eq!(inspect(&Broken), Err(Refusal::Unreadable(io::ErrorKind::PermissionDenied)));
}

#[test]
fn labels_are_few_and_sentences_are_whole() {
    let version = binary::Version { major: 1, minor: 28, patch: 0 };
    for refusal in [Refusal::NotElf, Refusal::TooNew(version), Refusal::NoModuleData, Refusal::Module] {
        assert!(refusal.label().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
        assert!(refusal.to_string().contains(' '));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Bytes changed anywhere in the headers and tables: whatever is found lies in the code, behind a check of the stack.
    #[test]
    fn changed_bytes_never_move_a_probe_out_of_the_code(
        relocated: bool,
        sections: bool,
        changes in prop::collection::vec((0_usize..1 << 20, any::<u64>(), 0_u32..64), 1..6),
    ) {
        let mut file = Go { relocated, sections, ..Go::default() }.build();
        for (at, value, shift) in changes {
            // Mostly where something is.
            let at = [0, TABLE, MODULE, INFO][at % 4] + (at >> 2) % 0x400;
            if at + 8 <= file.len() {
                put64(&mut file, at, value >> shift);
            }
        }
        if let Ok(Program::Go(program)) = of(&file) {
            for (_, offset) in program.probes {
                let at = usize::try_from(offset).unwrap() - 6;
                prop_assert!(file[at..].starts_with(&[0x49, 0x3b, 0x66, 0x10, 0x76]));
            }
        }
    }
}
