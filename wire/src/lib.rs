//! Pure decoders: captured bytes in, facts out. No I/O, no clock, no `unsafe`.
//!
//! Everything here takes bytes that crossed a socket (and the time they crossed it, in nanoseconds, given by the
//! caller) and says what they mean. The bytes come from strangers: every decoder bounds its memory, never panics,
//! and answers "unknown" where it cannot know.
//!
//! | module | in | out |
//! | --- | --- | --- |
//! | [`http1`] | both directions of one connection, with stream positions and holes | requests, responses, body bytes, ends ([`http::Fact`]) |
//! | [`http2`] | the frames of both directions of one connection | the same |
//! | [`http`] | | what these two share: heads, framing, facts |
//! | [`oci`] | a request's method, path and query | which endpoint of a registry it is ([`oci::OciRequest`]) |
//! | [`mod@reference`] | an image reference as people write it | registry host, repository, tag, digest |
//! | [`registry`] | a host or an image reference | the bounded registry label of the metrics |
//! | [`tls`] | the first bytes of a connection | SNI and ALPN of a `ClientHello`; who ends the handshake, by the `ServerHello` |
//! | [`grpc`] | the data of a call, its `grpc-timeout` and `grpc-status` | messages, nanoseconds, statuses |
//! | [`protobuf`] | a message, or the start of one | its fields, and whether they are all |
//! | [`cri`], [`containerd`] | `:path` and messages of the CRI and of containerd's own services | which call it is, and the few fields that matter |
//! | [`engine`] | requests and answers of the Docker Engine API | which call it is; how a pull went on |
//! | [`manifest`] | manifests and indexes of images | the digests and sizes that they name |
//! | [`trouble`] | status codes, gRPC statuses and error texts | why a pull failed, of a few reasons |
//! | [`redis`] | both directions of one connection, with stream positions and holes | commands and their replies ([`redis::Fact`]) |
//! | [`dns`] | a DNS message | the name asked and the addresses answered |
//! | [`Decoder`] | | how [`http1`] and [`redis`] are given what passes |
//! | [`host`] | `host[:port]` as it stands in heads and URLs | the same, normalised and split |
//!
//! # Using `http1`
//!
//! One [`http1::Connection`] per socket. Feed it in the order of the kernel's events:
//!
//! ```
//! use wire::Decoder as _;
//! use wire::http::{Direction, Fact};
//! use wire::http1::Connection;
//!
//! let mut connection = Connection::opened(); // seen from its first byte; `Connection::new()` when joined later
//! let mut facts = Vec::new();
//! connection.data(Direction::Sent, 0, b"GET /v2/ HTTP/1.1\r\nHost: example.com\r\n\r\n", 1_000, &mut facts);
//! let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
//! connection.data(Direction::Received, 0, head, 2_000, &mut facts);
//! // The body was counted by the kernel, not captured.
//! connection.advanced(Direction::Received, head.len() as u64 + 1_000_000, 9_000, &mut facts);
//! assert!(matches!(facts.last(), Some(Fact::End { time: 9_000, .. })));
//! ```
//!
//! # Using `http2`
//!
//! The same with frames instead of positions; the kernel side walks them. The role, what is in flight and the facts are as in
//! `http1`, the number of an exchange is its stream.
//!
//! ```
//! use wire::http::{Direction, Fact};
//! use wire::http2::{Connection, FrameHead};
//!
//! let mut connection = Connection::opened();
//! let mut facts = Vec::new();
//! // `HEADERS` with END_STREAM and END_HEADERS: `GET`, `/`, `http` of the static table.
//! let head = FrameHead { length: 3, kind: 1, flags: 5, stream: 1 };
//! connection.frame(Direction::Sent, &head, &[0x82, 0x84, 0x86], 1_000, &mut facts);
//! let head = FrameHead { length: 1, kind: 1, flags: 4, stream: 1 };
//! connection.frame(Direction::Received, &head, &[0x88], 2_000, &mut facts);
//! // Of the body nothing was captured.
//! let head = FrameHead { length: 1_000_000, kind: 0, flags: 1, stream: 1 };
//! connection.frame(Direction::Received, &head, &[], 9_000, &mut facts);
//! assert!(matches!(facts.last(), Some(Fact::End { exchange: 1, time: 9_000, .. })));
//! ```
//!
//! # Using `redis`
//!
//! As `http1`. Which reply is for which command is a matter of counting: [the module](mod@redis) says what is believed after bytes were
//! not captured.
//!
//! ```
//! use wire::Decoder as _;
//! use wire::http::Direction;
//! use wire::redis::{Connection, Fact, Reply};
//!
//! let mut connection = Connection::opened();
//! let mut facts = Vec::new();
//! let command = b"*3\r\n$5\r\nBLPOP\r\n$4\r\njobs\r\n$1\r\n0\r\n";
//! connection.data(Direction::Sent, 0, command, 1_000, &mut facts);
//! // The reply is told at the head of an item that is too long to be kept.
//! connection.data(Direction::Received, 0, b"*2\r\n$4\r\njobs\r\n$100000\r\n{", 2_000, &mut facts);
//! let texts = vec![Some("jobs".to_owned()), None];
//! assert_eq!(facts[1], Fact::Reply { number: 0, reply: Reply::Array { count: 2, texts }, time: 2_000 });
//! ```
//!
//! # Secrets
//!
//! Credentials are reduced to [`http::Credentials`] while a head is parsed and never kept; HPACK's table keeps their scheme
//! only. Of the credentials in a `PullImageRequest` and in `X-Registry-Auth` only is read whether there are any. Paths and
//! queries may be signed URLs: they are kept in memory because a redirect has to be recognised, but no `Debug` output shows
//! them. Error texts, which may quote such URLs, are brought down to a reason. Of Redis commands that may carry credentials
//! only the name is kept, of their replies no text.
#![forbid(unsafe_code)]

pub mod containerd;
pub mod cri;
mod decoder;
pub mod dns;
pub mod engine;
pub mod grpc;
pub mod host;
pub mod http;
pub mod http1;
pub mod http2;
pub mod manifest;
pub mod oci;
pub mod protobuf;
pub mod redis;
pub mod reference;
pub mod registry;
pub mod tls;
pub mod trouble;

pub use decoder::Decoder;
