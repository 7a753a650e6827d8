//! What the probes in Go programs must know of the program that they run in.
//!
//! A conversion to an interface leaves a pointer to an `itab` beside the one to the value, and the `itab` holds a hash of the
//! type's full name at 16 (Go 1.19 `runtime/runtime2.go`, `itab`; since 1.22 `internal/abi/iface.go`, `ITab`). The compiler
//! makes the hash of the name alone (`cmd/compile/internal/types/fmt.go`, `TypeHash`), so it is the same in every program of
//! one Go release, and with it a probe can tell what an interface holds before it follows the pointer.

use crate::conn::numbered;
use crate::shared;

/// Offset of the hash in an `itab`.
pub const ITAB_HASH: u64 = 16;

/// Different layouts that can be told to the programs; a layout belongs to a Go release.
pub const MAX_LAYOUTS: u32 = 64;

numbered! {
    /// Where in a Go program a probe is. One kernel program serves them all: the cookie of a probe is its point in the upper
    /// half and the index of its program's [`Layout`] in the lower one.
    pub enum Point: u32 {
        /// `net/http.persistConnWriter.Write`
        H1Request = 1,
        /// `net/http.ReadResponse`
        H1Response = 2,
        /// `net/http.(*bodyEOFSignal).condfn`
        H1BodyEnd = 3,
        /// In `net/http.(*bodyEOFSignal).Read`, where `condfn` is no function of its own: the call of `fn`
        H1BodyRead = 4,
        /// `net/http.(*bodyEOFSignal).Close`
        H1BodyClose = 5,
        /// `http2/hpack.(*Encoder).WriteField`
        H2Field = 6,
        /// `http2.(*ClientConn).writeHeaders`
        H2Request = 7,
        /// `http2.(*clientConnReadLoop).processHeaders`
        H2Response = 8,
        /// `http2.(*clientConnReadLoop).endStream`
        H2End = 9,
        /// `http2.(*clientStream).cleanupWriteRequest`
        H2Cleanup = 10,
        /// `net/http.serverHandler.ServeHTTP`
        Serve = 11,
        /// `net/http.(*response).finishRequest`
        ServeEnd = 12,
        /// `http2.(*serverConn).processHeaders`
        H2ServeRequest = 13,
        /// `http2.(*serverConn).writeHeaders`
        H2ServeResponse = 14,
        /// `http2.(*responseWriter).handlerDone`
        H2ServeDone = 15,
        /// `http2.(*serverConn).closeStream`
        H2ServeEnd = 16,
    }
}

shared! {
    /// Type hashes and field offsets of one Go release. Offsets are in bytes; [`Layout::UNKNOWN`] where a field is not there.
    pub struct Layout {
        /// Hash of `*crypto/tls.Conn`.
        pub tls_conn: u32,
        /// Hash of `*net.TCPConn`.
        pub tcp_conn: u32,
        /// Hash of `*net/http.persistConn`.
        pub persist_conn: u32,
        /// Hash of `*net/http.body`.
        pub body: u32,
        /// Hash of `*io.LimitedReader`.
        pub limited_reader: u32,
        /// Hash of `*bufio.Reader`.
        pub bufio_reader: u32,
        /// Hash of `*net/http/internal.chunkedReader`.
        pub chunked_reader: u32,
        /// Hash of `*net/http.response`.
        pub response: u32,
        /// `net/http.persistConn.conn`
        pub persist_conn_conn: u32,
        /// `net/http.response.written`, followed by `.contentLength` and `.status`
        pub response_written: u32,
        /// `net/http.conn.rwc`
        pub server_conn_rwc: u32,
        /// `http2.ClientConn.tconn`
        pub h2_client_tconn: u32,
        /// `http2.clientStream.ID`
        pub h2_client_stream_id: u32,
        /// `http2.clientStream.bytesRemain`
        pub h2_client_stream_left: u32,
        /// `http2.serverConn.conn`
        pub h2_server_conn: u32,
        /// `http2.stream.id`
        pub h2_server_stream_id: u32,
        /// `http2.responseWriterState.conn`
        pub h2_writer_conn: u32,
        /// `http2.responseWriterState.status`; `.sentContentLen` lies 16 behind it, `.wroteBytes` 24
        pub h2_writer_status: u32,
        /// `net/http.body.sawEOF`
        pub body_saw_eof: u32,
    } size 76
}

impl Layout {
    /// A field that this release does not have, or whose place is not known.
    pub const UNKNOWN: u32 = u32::MAX;
}
