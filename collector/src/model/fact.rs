//! What the model concludes. Each fact moves a few metrics and nothing else; `metrics` knows which.
//!
//! A `…Began` fact is followed by exactly one `…Ended` fact with the same labels: the in-flight gauges rest on it.

mod parts;

use wire::http::Method;
use wire::oci::Kind;

use super::event::TargetId;
use super::pull::record::{Isolation, PullRecord};

pub use parts::{
    Cached, CallStatus, Client, Completion, ConnectResult, LookupResult, Operation, ProxyTrouble, Pulled,
    Remover, Resource, Role, Status, Visibility, Work,
};

/// One conclusion. Durations are in nanoseconds.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// A watched process sent the head of a request.
    RequestBegan(Client),
    /// The exchange came to its end.
    RequestEnded {
        /// Who and where.
        client: Client,
        /// What was asked for.
        kind: Kind,
        /// How.
        method: Method,
        /// The final status code, if an answer came.
        code: Option<u16>,
        /// First request byte to last response byte, if an answer came to its end or was cut.
        duration: Option<u64>,
        /// First request byte to first byte of the final response.
        first_byte: Option<u64>,
    },
    /// Response body bytes arrived.
    ResponseBytes {
        /// Who and where.
        client: Client,
        /// What was asked for.
        kind: Kind,
        /// How many.
        bytes: u64,
    },
    /// One manifest or blob was downloaded, or was not.
    Download {
        /// Who and where.
        client: Client,
        /// Manifest or blob.
        kind: Kind,
        /// How it ended.
        status: Status,
    },
    /// A watched process received the head of a request.
    ServedBegan {
        /// The serving process.
        process: TargetId,
    },
    /// The served exchange came to its end.
    ServedEnded {
        /// The serving process.
        process: TargetId,
        /// What was asked for.
        kind: Kind,
        /// How.
        method: Method,
        /// The final status code, if an answer left.
        code: Option<u16>,
        /// First request byte to last response byte, if an answer left.
        duration: Option<u64>,
    },
    /// Response body bytes left.
    ServedBytes {
        /// The serving process.
        process: TargetId,
        /// What was asked for.
        kind: Kind,
        /// How many.
        bytes: u64,
    },
    /// A GET of a manifest or blob was served to its end, or broke off.
    ServedDownload {
        /// The serving process.
        process: TargetId,
        /// Manifest or blob.
        kind: Kind,
        /// How it ended.
        status: Status,
    },
    /// An attempt to connect ended.
    Connected {
        /// Who and where.
        client: Client,
        /// How it ended.
        result: ConnectResult,
        /// From the SYN to the end.
        duration: u64,
    },
    /// A connection's side is known: from now on it is counted as open.
    ConnectionBegan {
        /// The process.
        process: TargetId,
        /// Its side.
        role: Role,
    },
    /// A counted connection is over.
    ConnectionEnded {
        /// The process.
        process: TargetId,
        /// Its side.
        role: Role,
    },
    /// It is known, or final, what can be seen of a connection; once per connection.
    Visible {
        /// The process.
        process: TargetId,
        /// What can be seen.
        visibility: Visibility,
    },
    /// Bytes crossed a client's TCP connection.
    NetworkBytes {
        /// Who and where.
        client: Client,
        /// Received bytes.
        received: u64,
        /// Transmitted bytes.
        sent: u64,
    },
    /// A TLS handshake of a client ended.
    Handshake {
        /// Who and where.
        client: Client,
        /// From the `ClientHello` to the end.
        duration: u64,
    },
    /// HTTP/2 fields passed that refer to what was sent before pullscope began to watch.
    HpackUnknown {
        /// How many.
        fields: u64,
    },
    /// A DNS lookup ended.
    Lookup {
        /// The process.
        process: TargetId,
        /// How it ended.
        result: LookupResult,
        /// Question to answer.
        duration: u64,
    },
    /// A pull began.
    PullBegan(Client),
    /// It is over, or turned out to be of another registry (then it begins again there).
    PullEnded(Client),
    /// How it ended; once per pull.
    Pulled(Box<Pulled>),
    /// Body bytes came from a registry for a pull.
    PullBytes {
        /// Who and where.
        client: Client,
        /// How many.
        bytes: u64,
    },
    /// How a pull stands, for the pull log: when it begins, when something about it changes, when it has ended.
    PullChanged(Box<PullRecord>),
    /// A call on a CRI socket ended.
    CriCall {
        /// The serving process.
        runtime: TargetId,
        /// What was called, of a bounded number of names.
        operation: &'static str,
        /// How it ended.
        status: CallStatus,
        /// First byte of the request to last byte of the answer.
        duration: u64,
    },
    /// A sandbox was created, or was not.
    SandboxCreated {
        /// The runtime.
        runtime: TargetId,
        /// The handler that was asked for.
        handler: Isolation,
        /// How it ended.
        status: Status,
        /// How long it took.
        duration: u64,
    },
    /// A sandbox was removed, or was not.
    SandboxDeleted {
        /// The runtime.
        runtime: TargetId,
        /// Its handler.
        handler: Isolation,
        /// How it ended.
        status: Status,
    },
    /// A sandbox was given up before any container was started in it.
    SandboxRolledBack {
        /// The runtime.
        runtime: TargetId,
        /// Its handler.
        handler: Isolation,
    },
    /// The kubelet has removed what it wanted to.
    GcCycle {
        /// The runtime.
        runtime: TargetId,
        /// What was removed.
        resource: Resource,
        /// From the first removal to the end of the last.
        duration: u64,
    },
    /// Something was removed.
    Reclaimed {
        /// The runtime.
        runtime: TargetId,
        /// What.
        resource: Resource,
        /// By whom.
        remover: Remover,
    },
    /// Something could not be removed.
    ReclaimFailed {
        /// The runtime.
        runtime: TargetId,
        /// What.
        resource: Resource,
    },
    /// A watched process is there.
    ProcessBegan {
        /// Its target.
        process: TargetId,
    },
    /// It is gone.
    ProcessEnded {
        /// Its target.
        process: TargetId,
    },
    /// A served request failed because an upstream did.
    ProxyError {
        /// The serving process.
        process: TargetId,
        /// What the upstream did.
        trouble: ProxyTrouble,
    },
    /// A manifest or blob was served to its end.
    ServedFrom {
        /// The serving process.
        process: TargetId,
        /// Manifest or blob.
        kind: Kind,
        /// Whether it had been there already.
        cached: Cached,
    },
    /// An operation of a recipe began.
    OperationBegan(Operation),
    /// It ended.
    OperationEnded {
        /// What it is counted under.
        operation: Operation,
        /// How.
        status: Completion,
        /// How long it took; `None` where its end was not seen.
        duration: Option<u64>,
    },
    /// A queue consumer took an item.
    WorkBegan(Work),
    /// It is done with the item.
    WorkEnded {
        /// What it is counted under.
        work: Work,
        /// How.
        status: Completion,
        /// How long it took; `None` where its end was not seen.
        duration: Option<u64>,
    },
    /// A label of a recipe had no room for another value.
    ValueDropped {
        /// Name of the metric without the `pullscope_` prefix.
        metric: &'static str,
    },
    /// Something was seen that belongs to no exchange, or an exchange could not be followed.
    Unattributed {
        /// Why: a value of the `reason` label.
        reason: &'static str,
    },
    /// A gauge was put right by a resync or an eviction, not by an end that was seen.
    Corrected {
        /// Name of the gauge without the `pullscope_` prefix.
        gauge: &'static str,
    },
}
