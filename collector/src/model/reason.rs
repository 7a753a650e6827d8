//! Why something belongs to no exchange: the values of the `reason` label that the model itself gives. Those of the
//! HTTP/1 decoder are in [`wire::http::Unparsed`].

/// An event of a connection whose beginning was not seen, and that does not tell enough to begin with.
pub const CONNECTION_UNKNOWN: &str = "connection_unknown";
/// More connections than the table holds: the one that was quiet longest was forgotten.
pub const CONNECTION_EVICTED: &str = "connection_evicted";
/// More processes than the table holds: the one that was quiet longest was forgotten.
pub const PROCESS_EVICTED: &str = "process_evicted";
/// A TCP connection that was older than pullscope carried bytes and never showed which side the process is on.
pub const ROLE_UNKNOWN: &str = "role_unknown";
/// How an attempt to connect ended was not seen.
pub const CONNECT_END_UNKNOWN: &str = "connect_end_unknown";
/// An exchange went on when its connection was found gone or was evicted.
pub const EXCHANGE_END_UNKNOWN: &str = "exchange_end_unknown";
/// How a download ended was not seen.
pub const DOWNLOAD_END_UNKNOWN: &str = "download_end_unknown";
/// More downloads at once than the table holds.
pub const DOWNLOADS_FULL: &str = "downloads_full";
/// More pulls at once than the table holds.
pub const PULLS_FULL: &str = "pulls_full";
/// A download in more separate parts than are remembered.
pub const DOWNLOAD_PARTS: &str = "download_parts";
/// How a DNS lookup ended was not seen.
pub const LOOKUP_END_UNKNOWN: &str = "lookup_end_unknown";
/// More DNS questions open on one socket than are remembered.
pub const LOOKUPS_FULL: &str = "lookups_full";
/// A DNS message that is not one, or whose question was not seen.
pub const DNS_UNPARSED: &str = "dns_unparsed";
/// A TLS handshake that does not begin with a readable `ClientHello`.
pub const TLS_UNPARSED: &str = "tls_unparsed";

/// More of a recipe's operations at once in one process than are followed.
pub const OPERATIONS_FULL: &str = "operations_full";

/// A chunked body larger than what is captured of it: its bytes count with their framing.
pub const BODY_INEXACT: &str = "body_inexact";

/// Every reason, for metrics that exist from the start.
pub const ALL: [&str; 16] = [
    CONNECTION_UNKNOWN,
    CONNECTION_EVICTED,
    PROCESS_EVICTED,
    ROLE_UNKNOWN,
    CONNECT_END_UNKNOWN,
    EXCHANGE_END_UNKNOWN,
    DOWNLOAD_END_UNKNOWN,
    DOWNLOADS_FULL,
    DOWNLOAD_PARTS,
    PULLS_FULL,
    LOOKUP_END_UNKNOWN,
    LOOKUPS_FULL,
    DNS_UNPARSED,
    TLS_UNPARSED,
    BODY_INEXACT,
    OPERATIONS_FULL,
];
