//! A small program made by hand, with as much of a Go program as is looked at: what goes into it can be chosen, and broken.
//!
//! It is written after the sources of Go's linker (`cmd/link/internal/ld/pcln.go`, `data.go`) and shares no code with the reader.

/// Address of the first byte of the file. Everything is loaded, so an offset is an address less this.
pub const BASE: u64 = 0x40_0000;
const PAGE: usize = 0x1000;
/// Where the parts begin in the file.
pub const CODE: usize = PAGE;
pub const TABLE: usize = 2 * PAGE;
pub const DATA: usize = 6 * PAGE;
/// In the data: build information, module data, relocations, dynamic entries.
pub const INFO: usize = DATA;
pub const MODULE: usize = DATA + PAGE;
const RELOCATIONS: usize = MODULE + 0x200;
const DYNAMIC: usize = MODULE + 0x800;
/// Bytes of each function.
pub const FUNCTION: usize = 64;

/// The code of a function: check of the stack and frame as Go 1.21 and later makes them.
const STANDARD: [u8; 16] =
    [0x49, 0x3b, 0x66, 0x10, 0x76, 0x32, 0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 0x18, 0x90, 0x90];
/// Distance of the instruction behind the check.
pub const BEHIND_CHECK: u64 = 6;

/// What is to be in the program.
#[derive(Clone)]
pub struct Go {
    /// As the linker writes it: `go1.22.3`.
    pub version: &'static str,
    /// The lines of the modules.
    pub modules: &'static str,
    /// Names of the functions, in the order of their code.
    pub functions: Vec<&'static str>,
    /// The first byte of the table's header: 0xf0 or 0xf1.
    pub magic: u8,
    /// Whether the header says where the code begins.
    pub text_in_header: bool,
    /// Whether addresses are left to relocations.
    pub relocated: bool,
    /// Whether there are section headers.
    pub sections: bool,
}

impl Default for Go {
    fn default() -> Self {
        Self {
            version: "go1.22.3",
            modules: "",
            functions: vec![
                "runtime.text",
                "net/http.ReadResponse",
                "net/http.serverHandler.ServeHTTP",
                "main.main",
            ],
            magic: 0xf1,
            text_in_header: true,
            relocated: false,
            sections: true,
        }
    }
}

impl Go {
    /// The file.
    pub fn build(&self) -> Vec<u8> {
        let mut file = vec![0; DATA + 2 * PAGE];
        for index in 0..self.functions.len() {
            let at = CODE + index * FUNCTION;
            file[at..at + FUNCTION].fill(0xcc);
            file[at..at + STANDARD.len()].copy_from_slice(&STANDARD);
        }
        let mut relocations = Vec::new();
        let sizes = self.table(&mut file, &mut relocations);
        self.module_data(&mut file, &mut relocations, &sizes);
        self.build_info(&mut file);
        let dynamic = self.dynamic(&mut file, &relocations);
        headers(&mut file, self.relocated, dynamic);
        if self.sections {
            sections(&mut file, sizes.end);
        }
        file
    }

    /// Puts an address into the file: as it is, or as a relocation.
    fn address(&self, file: &mut [u8], relocations: &mut Vec<(u64, u64)>, at: usize, to: u64) {
        if self.relocated {
            relocations.push((BASE + at as u64, to));
        } else {
            put64(file, at, to);
        }
    }

    fn table(&self, file: &mut [u8], relocations: &mut Vec<(u64, u64)>) -> Sizes {
        let mut names = vec![0];
        let offsets: Vec<_> = self
            .functions
            .iter()
            .map(|name| {
                let at = names.len();
                names.extend_from_slice(name.as_bytes());
                names.push(0);
                u32::try_from(at).unwrap()
            })
            .collect();
        let functions = self.functions.len();
        let names_at = 72;
        let units_at = (names_at + names.len()).next_multiple_of(8);
        let (files_at, pcs_at) = (units_at + 8, units_at + 16);
        let entries_at = pcs_at + 8;
        file[TABLE..TABLE + 8].copy_from_slice(&[self.magic, 0xff, 0xff, 0xff, 0, 0, 1, 8]);
        let words = [functions, 1, 0, names_at, units_at, files_at, pcs_at, entries_at];
        for (index, word) in words.into_iter().enumerate() {
            put64(file, TABLE + 8 + index * 8, word as u64);
        }
        if self.text_in_header {
            self.address(file, relocations, TABLE + 24, BASE + CODE as u64);
        }
        file[TABLE + names_at..][..names.len()].copy_from_slice(&names);
        let pairs = TABLE + entries_at;
        let descriptions = (functions + 1) * 8;
        for (index, name) in offsets.iter().enumerate() {
            let entry = u32::try_from(index * FUNCTION).unwrap();
            let description = descriptions + index * 48;
            put32(file, pairs + index * 8, entry);
            put32(file, pairs + index * 8 + 4, u32::try_from(description).unwrap());
            put32(file, pairs + description, entry);
            put32(file, pairs + description + 4, *name);
        }
        put32(file, pairs + functions * 8, u32::try_from(functions * FUNCTION).unwrap());
        let entries = descriptions + functions * 48;
        Sizes { names: names.len(), entries_at, entries, end: entries_at + entries }
    }

    fn module_data(&self, file: &mut [u8], relocations: &mut Vec<(u64, u64)>, sizes: &Sizes) {
        let table = BASE + TABLE as u64;
        let text = BASE + CODE as u64;
        let end = text + (self.functions.len() * FUNCTION) as u64;
        let entries = table + sizes.entries_at as u64;
        for (word, address) in [
            (0, table),
            (1, table + 72),
            (13, entries),
            (16, entries),
            (20, text),
            (21, end),
            (22, text),
            (23, end),
        ] {
            self.address(file, relocations, MODULE + word * 8, address);
        }
        let functions = self.functions.len() + 1;
        for (word, len) in [(2, sizes.names), (14, sizes.entries), (17, functions)] {
            put64(file, MODULE + word * 8, len as u64);
            put64(file, MODULE + word * 8 + 8, len as u64);
        }
    }

    fn build_info(&self, file: &mut [u8]) {
        file[INFO..INFO + 14].copy_from_slice(b"\xff Go buildinf:");
        file[INFO + 14..INFO + 16].copy_from_slice(&[8, 2]);
        let framed = if self.modules.is_empty() {
            Vec::new()
        } else {
            [&[1; 16], self.modules.as_bytes(), &[2; 16]].concat()
        };
        let mut at = INFO + 32;
        for text in [self.version.as_bytes(), &framed] {
            let mut len = text.len();
            while len >= 0x80 {
                file[at] = u8::try_from(len & 0x7f).unwrap() | 0x80;
                len >>= 7;
                at += 1;
            }
            file[at] = u8::try_from(len).unwrap();
            file[at + 1..at + 1 + text.len()].copy_from_slice(text);
            at += 1 + text.len();
        }
    }

    fn dynamic(&self, file: &mut [u8], relocations: &[(u64, u64)]) -> usize {
        if !self.relocated {
            return 0;
        }
        for (index, (at, to)) in relocations.iter().enumerate() {
            put64(file, RELOCATIONS + index * 24, *at);
            // R_X86_64_RELATIVE
            put64(file, RELOCATIONS + index * 24 + 8, 8);
            put64(file, RELOCATIONS + index * 24 + 16, *to);
        }
        let entries = [(7, BASE + RELOCATIONS as u64), (8, relocations.len() as u64 * 24), (9, 24), (0, 0)];
        for (index, (tag, value)) in entries.into_iter().enumerate() {
            put64(file, DYNAMIC + index * 16, tag);
            put64(file, DYNAMIC + index * 16 + 8, value);
        }
        entries.len() * 16
    }
}

/// Lengths of parts of the table.
struct Sizes {
    names: usize,
    entries_at: usize,
    entries: usize,
    end: usize,
}

fn headers(file: &mut [u8], relocated: bool, dynamic: usize) {
    file[..8].copy_from_slice(b"\x7fELF\x02\x01\x01\0");
    put16(file, 16, if relocated { 3 } else { 2 });
    put16(file, 18, 62);
    put64(file, 32, 64);
    put16(file, 54, 56);
    let end = file.len();
    // Type, flags, offset, length.
    let mut segments =
        vec![(1, 4, 0, PAGE), (1, 5, CODE, PAGE), (1, 4, TABLE, DATA - TABLE), (1, 6, DATA, end - DATA)];
    if dynamic > 0 {
        segments.push((2, 6, DYNAMIC, dynamic));
    }
    put16(file, 56, u16::try_from(segments.len()).unwrap());
    for (index, (kind, flags, offset, len)) in segments.into_iter().enumerate() {
        let at = 64 + index * 56;
        put32(file, at, kind);
        put32(file, at + 4, flags);
        put64(file, at + 8, offset as u64);
        put64(file, at + 16, BASE + offset as u64);
        put64(file, at + 32, len as u64);
        put64(file, at + 40, len as u64);
    }
}

/// Adds section headers for build information and table.
fn sections(file: &mut Vec<u8>, table: usize) {
    let names = b"\0.gopclntab\0.go.buildinfo\0.shstrtab\0";
    let names_at = file.len();
    file.extend_from_slice(names);
    let headers_at = file.len();
    // Name, type, offset, length.
    let sections = [(0, 0, 0, 0), (1, 1, TABLE, table), (12, 1, INFO, 0x200), (26, 3, names_at, names.len())];
    file.resize(headers_at + sections.len() * 64, 0);
    for (index, (name, kind, offset, len)) in sections.into_iter().enumerate() {
        let at = headers_at + index * 64;
        put32(file, at, name);
        put32(file, at + 4, kind);
        put64(file, at + 16, if kind == 1 { BASE + offset as u64 } else { 0 });
        put64(file, at + 24, offset as u64);
        put64(file, at + 32, len as u64);
    }
    put64(file, 40, headers_at as u64);
    put16(file, 58, 64);
    put16(file, 60, 4);
    put16(file, 62, 3);
}

/// Writes a number into the file.
pub fn put16(file: &mut [u8], at: usize, value: u16) {
    file[at..at + 2].copy_from_slice(&value.to_le_bytes());
}

/// Writes a number into the file.
pub fn put32(file: &mut [u8], at: usize, value: u32) {
    file[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

/// Writes a number into the file.
pub fn put64(file: &mut [u8], at: usize, value: u64) {
    file[at..at + 8].copy_from_slice(&value.to_le_bytes());
}
