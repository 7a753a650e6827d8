//! What is read of programs made by real toolchains, against their symbol tables and DWARF.
//!
//! The Go toolchains are those that `cargo xtask setup` has fetched, or in their place those whose roots `PULLSCOPE_GO` names,
//! separated by colons; named and empty, there are none. Then the tests say so and pass.

mod programs;

use std::collections::HashMap;
use std::fs;

use collector_common::go::Layout;
use gimli::{AttributeValue, DwarfSections, EndianSlice, LittleEndian, SectionId};
use object::{Object as _, ObjectSection as _, ObjectSegment as _, ObjectSymbol as _, SymbolKind};

use super::{layout, pclntab::Table};
use crate::{Point, Program, Refusal, Version, elf::Elf, inspect_for};
use programs::{Built, Variant, built};

/// The points that a program with an HTTP client and server has, whatever the release.
const EXPECTED: [Point; 14] = [
    Point::H1Request,
    Point::H1Response,
    Point::H1BodyClose,
    Point::H2Field,
    Point::H2Request,
    Point::H2Response,
    Point::H2End,
    Point::H2Cleanup,
    Point::Serve,
    Point::ServeEnd,
    Point::H2ServeRequest,
    Point::H2ServeResponse,
    Point::H2ServeDone,
    Point::H2ServeEnd,
];

/// What is found in a program, of which these are the bytes.
fn of(program: &Built, bytes: &[u8]) -> Result<Program, Refusal> {
    inspect_for(program.machine, bytes)
}

/// The functions of a file, as its symbol table has them: name, address and length. A name may be there more than once.
fn symbols(file: &object::File<'_>) -> Vec<(String, u64, u64)> {
    let functions = file.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.size() > 0);
    functions.map(|symbol| (symbol.name().unwrap().to_owned(), symbol.address(), symbol.size())).collect()
}

#[test]
fn every_function_is_where_the_symbol_table_has_it() {
    for program in built(&[Variant::Static, Variant::Pie, Variant::External, Variant::ExternalPie]) {
        let bytes = fs::read(&program.path).unwrap();
        let mut symbols = HashMap::<_, Vec<_>>::new();
        for (name, address, _) in self::symbols(&object::File::parse(&*bytes).unwrap()) {
            // A function in assembler, or its copy for that calling convention, has a longer name in the symbol table.
            symbols.entry(name.trim_end_matches(".abi0").to_owned()).or_default().push(address);
        }
        let elf = Elf::read(program.machine, &*bytes).unwrap();
        let table = Table::read(&elf).unwrap();
        let mut names = HashMap::new();
        table
            .names(&elf, |at, name| drop(names.insert(at, String::from_utf8_lossy(name).into_owned())))
            .unwrap();
        let (mut compared, mut unknown) = (0, 0);
        table
            .each(&elf, |name, code| {
                let name = &names[&name];
                let Some(places) = symbols.get(name) else {
                    unknown += 1;
                    return;
                };
                let code = code.unwrap_or_else(|refusal| panic!("{program}: {name}: {refusal}"));
                assert!(places.contains(&code.start), "{program}: {name} is not at {:x}", code.start);
                compared += 1;
            })
            .unwrap();
        assert!(compared > 4_000 && unknown < compared / 20, "{program}: {compared} compared, {unknown} not");
    }
}

#[test]
fn probes_are_behind_the_stack_checks_of_the_right_functions() {
    for program in built(&[Variant::Static, Variant::Pie, Variant::External, Variant::ExternalPie]) {
        let bytes = fs::read(&program.path).unwrap();
        let file = object::File::parse(&*bytes).unwrap();
        let Ok(Program::Go(go)) = of(&program, &bytes) else {
            panic!("{program}: {:?}", of(&program, &bytes))
        };
        assert_eq!(go.version, program.version);
        assert_eq!(go.refused, [], "{program}");
        let points: Vec<_> = go.probes.iter().map(|(point, _)| *point).collect();
        for point in EXPECTED {
            assert_eq!(
                points.iter().filter(|other| **other == point).count(),
                1,
                "{program}: {}",
                point.name()
            );
        }
        assert!(points.contains(&Point::H1BodyEnd) || points.contains(&Point::H1BodyRead), "{program}");
        let symbols = symbols(&file);
        let names: Vec<_> = points.iter().map(|point| escaped(ending(*point)) + "$").collect();
        let instructions = program.instructions(&names.join("|"));
        for (point, offset) in go.probes {
            let segment = file.segments().find(|segment| {
                let (start, len) = segment.file_range();
                (start..start + len).contains(&offset)
            });
            let segment = segment.unwrap();
            let address = segment.address() + (offset - segment.file_range().0);
            let found = symbols.iter().find(|(_, start, len)| (*start..start + len).contains(&address));
            let (name, ..) = found.unwrap();
            assert!(name.ends_with(ending(point)), "{program}: {} is in {name}", point.name());
            let place = instructions.binary_search_by_key(&address, |(address, _)| *address);
            let place =
                place.unwrap_or_else(|_| panic!("{program}: {name}: not where an instruction begins"));
            let [(_, before), (_, this)] = &instructions[place - 1..=place] else { unreachable!() };
            let (this, before) = (this.as_str(), before.as_str());
            if point == Point::H1BodyRead {
                assert!(this.starts_with("CALL ") && !this.contains("SB"), "{program}: {this}");
            } else {
                let is_check = ["JBE ", "BLS "].iter().any(|branch| before.starts_with(branch));
                assert!(is_check, "{program}: {name}: {before}");
            }
        }
    }
}

/// A name as a regular expression.
fn escaped(name: &str) -> String {
    name.chars()
        .flat_map(|sign| ['(', ')', '*', '.'].contains(&sign).then_some('\\').into_iter().chain([sign]))
        .collect()
}

/// How the name of a point's function ends in every release.
fn ending(point: Point) -> &'static str {
    match point {
        Point::H1Request => "net/http.persistConnWriter.Write",
        Point::H1Response => "net/http.ReadResponse",
        Point::H1BodyEnd => "net/http.(*bodyEOFSignal).condfn",
        Point::H1BodyRead => "net/http.(*bodyEOFSignal).Read",
        Point::H1BodyClose => "net/http.(*bodyEOFSignal).Close",
        Point::H2Field => "/hpack.(*Encoder).WriteField",
        Point::H2Request => "ClientConn).writeHeaders",
        Point::H2Response => "clientConnReadLoop).processHeaders",
        Point::H2End => "clientConnReadLoop).endStream",
        Point::H2Cleanup => "clientStream).cleanupWriteRequest",
        Point::Serve => "net/http.serverHandler.ServeHTTP",
        Point::ServeEnd => "net/http.(*response).finishRequest",
        Point::H2ServeRequest => "serverConn).processHeaders",
        Point::H2ServeResponse => "serverConn).writeHeaders",
        Point::H2ServeDone => "responseWriter).handlerDone",
        Point::H2ServeEnd => "serverConn).closeStream",
        _ => panic!("{} is not in these programs", point.name()),
    }
}

#[test]
fn what_is_stripped_changes_nothing() {
    for variant in [Variant::Static, Variant::Pie] {
        for program in built(&[variant]) {
            let whole = fs::read(&program.path).unwrap();
            let expected = of(&program, &whole).unwrap();
            let mut bytes = whole.clone();
            // No section headers: e_shoff, e_shnum and e_shstrndx.
            bytes[40..48].fill(0);
            bytes[60..64].fill(0);
            assert_eq!(of(&program, &bytes), Ok(expected), "{program}");
        }
    }
    for program in built(&[Variant::Stripped, Variant::StrippedPie]) {
        let bytes = fs::read(&program.path).unwrap();
        assert_eq!(object::File::parse(&*bytes).unwrap().symbols().count(), 0, "{program}");
        let Ok(Program::Go(go)) = of(&program, &bytes) else {
            panic!("{program}: {:?}", of(&program, &bytes))
        };
        assert_eq!((go.probes.len(), go.refused.len()), (EXPECTED.len() + 1, 0), "{program}");
    }
}

#[test]
fn layouts_are_those_of_the_programs() {
    for program in built(&[Variant::Static]) {
        let bytes = fs::read(&program.path).unwrap();
        let file = object::File::parse(&*bytes).unwrap();
        let types = Types::read(&file);
        let http2 = |name: &str| {
            let package = format!("net/http/internal/http2.{name}");
            if types.members.contains_key(&package) { package } else { format!("net/http.http2{name}") }
        };
        let known = layout::of(program.version).unwrap();
        let writer = http2("responseWriterState");
        let read = Layout {
            tls_conn: types.hash("crypto/tls.Conn"),
            tcp_conn: types.hash("net.TCPConn"),
            persist_conn: types.hash("net/http.persistConn"),
            body: types.hash("net/http.body"),
            limited_reader: types.hash("io.LimitedReader"),
            bufio_reader: types.hash("bufio.Reader"),
            chunked_reader: types.hash("net/http/internal.chunkedReader"),
            response: types.hash("net/http.response"),
            persist_conn_conn: types.member("net/http.persistConn", "conn"),
            response_written: types.member("net/http.response", "written"),
            server_conn_rwc: types.member("net/http.conn", "rwc"),
            h2_client_tconn: types.member(&http2("ClientConn"), "tconn"),
            h2_client_stream_id: types.member(&http2("clientStream"), "ID"),
            h2_client_stream_left: types.member(&http2("clientStream"), "bytesRemain"),
            h2_server_conn: types.member(&http2("serverConn"), "conn"),
            h2_server_stream_id: types.member(&http2("stream"), "id"),
            h2_writer_conn: types.member(&writer, "conn"),
            h2_writer_status: types.member(&writer, "status"),
            body_saw_eof: types.member("net/http.body", "sawEOF"),
        };
        assert_eq!(known, read, "{program}");
        // What the kernel programs take for the same in all releases.
        let fixed = [
            ("net/http.response", "contentLength", read.response_written + 8),
            ("net/http.response", "status", read.response_written + 16),
            (&writer, "sentContentLen", read.h2_writer_status + 16),
            (&writer, "wroteBytes", read.h2_writer_status + 24),
            ("net/http.bodyEOFSignal", "body", 0),
            ("net/http.bodyEOFSignal", "closed", 24),
            ("net/http.bodyEOFSignal", "rerr", 32),
            ("net/http.bodyEOFSignal", "fn", 48),
            ("io.LimitedReader", "N", 16),
            ("bufio.Reader", "rd", 24),
            ("bufio.Reader", "r", 40),
            ("bufio.Reader", "w", 48),
            ("net/http/internal.chunkedReader", "r", 0),
            ("net/http.body", "src", 0),
            ("crypto/tls.Conn", "conn", 0),
            ("net.netFD", "pfd", 0),
            ("internal/poll.FD", "Sysfd", 16),
            ("net/http.Request", "Method", 0),
            ("net/http.Request", "Host", 128),
            ("net/http.Request", "RequestURI", 192),
            (&http2("writeResHeaders"), "httpResCode", 8),
            (&http2("MetaHeadersFrame"), "Fields", 8),
            (&http2("FrameHeader"), "Flags", 2),
            (&http2("FrameHeader"), "StreamID", 8),
            (&http2("clientStream"), "cc", 0),
            (&http2("clientConnReadLoop"), "cc", 0),
        ];
        for (name, member, offset) in fixed {
            assert_eq!(types.member(name, member), offset, "{program}: {name}.{member}");
        }
    }
}

/// Structs of a program, from its DWARF.
struct Types {
    /// Offsets of the members, by name of the struct.
    members: HashMap<String, HashMap<String, u32>>,
    /// Hashes of pointers to them.
    hashes: HashMap<String, u32>,
    /// Where the descriptions of types begin.
    descriptions: u64,
}

impl Types {
    fn read(file: &object::File<'_>) -> Self {
        let section = |id: SectionId| -> Result<Vec<u8>, object::Error> {
            let section = file.section_by_name(id.name());
            section.map_or(Ok(Vec::new()), |section| Ok(section.uncompressed_data()?.into_owned()))
        };
        let sections = DwarfSections::load(section).unwrap();
        let dwarf = sections.borrow(|bytes| EndianSlice::new(bytes, LittleEndian));
        let descriptions = file.symbol_by_name("runtime.types").unwrap().address();
        let mut types = Self { members: HashMap::new(), hashes: HashMap::new(), descriptions };
        let mut units = dwarf.units();
        while let Some(header) = units.next().unwrap() {
            let unit = dwarf.unit(header).unwrap();
            types.read_unit(&dwarf, &unit, file);
        }
        types
    }

    fn read_unit(
        &mut self,
        dwarf: &gimli::Dwarf<EndianSlice<'_, LittleEndian>>,
        unit: &gimli::Unit<EndianSlice<'_, LittleEndian>>,
        file: &object::File<'_>,
    ) {
        let mut entries = unit.entries();
        let mut current = None;
        while let Some((_, entry)) = entries.next_dfs().unwrap() {
            let name = entry.attr_value(gimli::DW_AT_name).unwrap();
            let name = name.and_then(|name| dwarf.attr_string(unit, name).ok());
            let name = name.map(|name| name.to_string_lossy().into_owned());
            match entry.tag() {
                gimli::DW_TAG_structure_type => current = name,
                gimli::DW_TAG_member => {
                    let place = entry.attr(gimli::DW_AT_data_member_location).unwrap();
                    if let (Some(current), Some(name), Some(place)) =
                        (&current, name, place.and_then(|place| place.udata_value()))
                    {
                        let members = self.members.entry(current.clone()).or_default();
                        members.insert(name, u32::try_from(place).unwrap());
                    }
                }
                gimli::DW_TAG_pointer_type => {
                    // DW_AT_go_runtime_type (cmd/internal/dwarf/dwarf.go): where the type's description is, counted from the
                    // first of them.
                    let place = entry.attr(gimli::DwAt(0x2904)).unwrap();
                    let place = place.and_then(|place| match place.value() {
                        AttributeValue::Addr(offset) => Some(offset),
                        _ => place.udata_value(),
                    });
                    let place = place.filter(|offset| *offset != 0).map(|offset| self.descriptions + offset);
                    if let (Some(name), Some(place)) = (name, place)
                        && let Some(hash) = hash_at(file, place)
                    {
                        self.hashes.insert(name, hash);
                    }
                }
                _ => {}
            }
        }
    }

    fn member(&self, name: &str, member: &str) -> u32 {
        let members = self.members.get(name).unwrap_or_else(|| panic!("there is no {name}"));
        *members.get(member).unwrap_or_else(|| panic!("{name} has no {member}"))
    }

    fn hash(&self, name: &str) -> u32 {
        let hash = self.hashes.get(&format!("*{name}"));
        *hash.unwrap_or_else(|| panic!("the description of *{name} is not known"))
    }
}

/// The hash in a type's description, behind its size and the length of its pointers (`internal/abi/type.go`, `Type`).
fn hash_at(file: &object::File<'_>, address: u64) -> Option<u32> {
    file.segments().find_map(|segment| {
        let bytes = segment.data_range(address + 16, 4).ok()??;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    })
}

/// For messages: which program it is.
impl std::fmt::Display for Built {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Go {}, {:?}, {:?}", self.version, self.variant, self.machine)
    }
}
