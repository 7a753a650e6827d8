//! Any bytes as a program: no panic, bounded reading, and no probe outside of the file.
#![no_main]

use std::cell::Cell;
use std::io;

use binary::{MAX_READ, Machine, Program, Source, inspect_for};
use libfuzzer_sys::fuzz_target;

struct Counted<'a> {
    bytes: &'a [u8],
    read: Cell<u64>,
}

impl Source for Counted<'_> {
    fn size(&self) -> io::Result<u64> {
        self.bytes.size()
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.read.set(self.read.get() + into.len() as u64);
        self.bytes.read_at(offset, into)
    }
}

fuzz_target!(|bytes: &[u8]| {
    for machine in [Machine::X86_64, Machine::Aarch64] {
        read(machine, bytes);
    }
});

fn read(machine: Machine, bytes: &[u8]) {
    let source = Counted { bytes, read: Cell::new(0) };
    let result = inspect_for(machine, &source);
    assert!(source.read.get() <= MAX_READ);
    let probes = match result {
        Ok(Program::Go(go)) => go.probes,
        Ok(Program::OpenSsl(openssl)) => openssl.probes,
        Ok(Program::None) => Vec::new(),
        Err(refusal) => {
            assert!(!refusal.to_string().is_empty() && !refusal.label().is_empty());
            return;
        }
    };
    assert!(probes.iter().all(|(_, offset)| *offset < bytes.len() as u64));
}
