//! OpenSSL's functions, where another reader of ELF files finds them.

use std::{fs, path::Path};

use binary::{Point, Program, inspect};
use object::{Object as _, ObjectSegment as _, ObjectSymbol as _, SymbolKind};

/// Where the functions of these names are in the file, by the exports of a shared library or by all symbols.
fn expected(file: &object::File<'_>) -> Vec<(Point, u64)> {
    let mut found = Vec::new();
    for symbol in file.dynamic_symbols().chain(file.symbols()) {
        let point = match symbol.name().unwrap_or_default() {
            "SSL_do_handshake" => Point::SslHandshake,
            "SSL_read" => Point::SslRead,
            "SSL_read_ex" => Point::SslReadEx,
            "SSL_write" => Point::SslWrite,
            "SSL_write_ex" => Point::SslWriteEx,
            _ => continue,
        };
        if symbol.is_definition() && symbol.kind() == SymbolKind::Text {
            let segment = file.segments().find(|segment| {
                (segment.address()..segment.address() + segment.size()).contains(&symbol.address())
            });
            let segment = segment.unwrap();
            found.push((point, symbol.address() - segment.address() + segment.file_range().0));
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn compare(path: &Path) {
    let bytes = fs::read(path).unwrap();
    let Ok(Program::OpenSsl(openssl)) = inspect(&*bytes) else { panic!("{}", path.display()) };
    let expected = expected(&object::File::parse(&*bytes).unwrap());
    assert_eq!(openssl.probes, expected, "{}", path.display());
    assert!(expected.len() >= 5, "{}", path.display());
}

#[test]
fn a_library_exports_them() {
    compare(&Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/elf/libssl.bin"));
}

#[test]
fn the_library_of_this_machine_exports_them() {
    let folders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/lib64", "/usr/lib"].map(Path::new);
    let names = ["libssl.so.3", "libssl.so.1.1"];
    let found: Vec<_> = folders
        .iter()
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .filter(|path| path.exists())
        .collect();
    if found.is_empty() {
        eprintln!("NOTHING IS TESTED HERE: there is no libssl");
    }
    for path in &found {
        compare(path);
    }
}

#[test]
fn a_program_that_defines_none_of_them_has_nothing() {
    let this = fs::read(std::env::current_exe().unwrap()).unwrap();
    assert_eq!(expected(&object::File::parse(&*this).unwrap()), []);
    assert_eq!(inspect(&*this), Ok(Program::None));
}

#[test]
fn a_name_that_is_not_a_function_is_no_probe() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/elf/libssl.bin");
    let mut bytes = fs::read(path).unwrap();
    let sections = usize::try_from(u64::from_le_bytes(bytes[40..48].try_into().unwrap())).unwrap();
    let headers = bytes[sections..].to_vec();
    // SHT_DYNSYM
    let table = headers.chunks_exact(64).find(|header| header[4] == 11).unwrap();
    let word =
        |at: usize| usize::try_from(u64::from_le_bytes(table[at..at + 8].try_into().unwrap())).unwrap();
    let (offset, len) = (word(24), word(32));
    for symbol in (offset..offset + len).step_by(24) {
        // STT_OBJECT
        bytes[symbol + 4] = bytes[symbol + 4] & 0xf0 | 1;
    }
    assert_eq!(inspect(&*bytes), Ok(Program::None));
}
