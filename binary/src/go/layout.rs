//! Type hashes and field offsets of the Go releases.
//!
//! Read from the DWARF of programs made by 1.19.8, 1.21.13, 1.22.10, 1.23.9, 1.24.11, 1.25.5, 1.26.6 and 1.27.3; a test does it again
//! with every toolchain that it finds. None was at hand for 1.20; where 1.19 and 1.21 agree, it agrees with them.

use collector_common::go::Layout;

use super::Version;
use crate::Refusal;

/// The first release that is known, and the last.
const FIRST: u16 = 19;
const LAST: u16 = 27;

/// The layout of a release.
pub fn of(version: Version) -> Result<Layout, Refusal> {
    match (version.major, version.minor) {
        (1, FIRST..=LAST) => {}
        (1, ..FIRST) | (0, _) => return Err(Refusal::TooOld(Some(version))),
        _ => return Err(Refusal::TooNew(version)),
    }
    let minor = version.minor;
    Ok(Layout {
        // Not read in 1.20, and not the same before and after it.
        h2_client_stream_left: match minor {
            19 => 296,
            20 => Layout::UNKNOWN,
            _ => 288,
        },
        h2_server_conn: if minor < 27 { 16 } else { 24 },
        response_written: if minor < 27 { 104 } else { 112 },
        // Not read in 1.20, and not the same before and after it.
        h2_writer_conn: match minor {
            19 => 24,
            20 => Layout::UNKNOWN,
            ..27 => 16,
            _ => 184,
        },
        h2_writer_status: match minor {
            19 => 80,
            20 => Layout::UNKNOWN,
            ..27 => 72,
            _ => 240,
        },
        body_saw_eof: if minor < 27 { 52 } else { 64 },
        ..match minor {
            ..24 => HASHED_TO_1_23,
            24 => HASHED_1_24,
            _ => HASHED_FROM_1_25,
        }
    })
}

/// Offsets that are the same in all of these releases; what is not is filled in by [`of`].
const SAME: Layout = Layout {
    tls_conn: 0,
    tcp_conn: 0,
    persist_conn: 0,
    body: 0,
    limited_reader: 0,
    bufio_reader: 0,
    chunked_reader: 0,
    response: 0,
    persist_conn_conn: 80,
    response_written: Layout::UNKNOWN,
    server_conn_rwc: 16,
    h2_client_tconn: 8,
    h2_client_stream_id: 40,
    h2_client_stream_left: Layout::UNKNOWN,
    h2_server_conn: Layout::UNKNOWN,
    h2_server_stream_id: 8,
    h2_writer_conn: Layout::UNKNOWN,
    h2_writer_status: Layout::UNKNOWN,
    body_saw_eof: Layout::UNKNOWN,
};

/// The first four bytes of the complement of SHA-256 of the type's name (`cmd/internal/notsha256`).
const HASHED_TO_1_23: Layout = Layout {
    tls_conn: 0xc6af_89f1,
    tcp_conn: 0xbc02_0cb9,
    persist_conn: 0x5864_1a96,
    body: 0x445a_162d,
    limited_reader: 0xaea7_b0e9,
    bufio_reader: 0x80e7_19e6,
    chunked_reader: 0x95e2_c98e,
    response: 0x87e8_2e2f,
    ..SAME
};

/// Bytes 8 to 11 of SHA-256 (`cmd/internal/hash`, `Sum16`).
const HASHED_1_24: Layout = Layout {
    tls_conn: 0xf550_dfa7,
    tcp_conn: 0x425e_a6e6,
    persist_conn: 0x3d02_a695,
    body: 0x03a6_8ba5,
    limited_reader: 0x1f12_c198,
    bufio_reader: 0x5984_2d5c,
    chunked_reader: 0xf78b_df48,
    response: 0xaf60_6bdd,
    ..SAME
};

/// The first four bytes of SHA-256, the very first complemented (`cmd/internal/hash`, `Sum32`).
const HASHED_FROM_1_25: Layout = Layout {
    tls_conn: 0x3950_76f1,
    tcp_conn: 0x43fd_f3b9,
    persist_conn: 0xa79b_e596,
    body: 0xbba5_e92d,
    limited_reader: 0x5158_4fe9,
    bufio_reader: 0x7f18_e6e6,
    chunked_reader: 0x6a1d_368e,
    response: 0x7817_d12f,
    ..SAME
};

#[cfg(test)]
mod tests {
    use super::*;

    fn minor(minor: u16) -> Result<Layout, Refusal> {
        of(Version { major: 1, minor, patch: 3 })
    }

    #[test]
    fn releases_outside_the_table_are_refused() {
        assert_eq!(minor(18), Err(Refusal::TooOld(Some(Version { major: 1, minor: 18, patch: 3 }))));
        assert_eq!(minor(28), Err(Refusal::TooNew(Version { major: 1, minor: 28, patch: 3 })));
        let two = Version { major: 2, minor: 20, patch: 0 };
        assert_eq!(of(two), Err(Refusal::TooNew(two)));
    }

    #[test]
    fn every_release_has_what_all_have() {
        for layout in (FIRST..=LAST).map(|release| minor(release).unwrap()) {
            for field in [layout.response_written, layout.h2_server_conn, layout.body_saw_eof] {
                assert_ne!(field, Layout::UNKNOWN);
            }
        }
    }
}
