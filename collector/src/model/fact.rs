//! What the model concludes. Each fact moves a few metrics and nothing else; `metrics` knows which.
//!
//! A `…Began` fact is followed by exactly one `…Ended` fact with the same labels: the in-flight gauges rest on it.

use std::sync::Arc;

use wire::grpc;
use wire::http::Method;
use wire::oci::Kind;
use wire::registry::RegistryLabel;
use wire::trouble::Trouble;

use super::event::TargetId;
use super::pull::record::{Isolation, Known, PullRecord, PullStatus, Trigger};

/// Labels of what a watched process asks of a registry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Client {
    /// The process's target.
    pub process: TargetId,
    /// The registry that it talks to, also through redirects and mirrors.
    pub registry: RegistryLabel,
}

/// How something ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// As it should.
    Ok,
    /// Not so.
    Error,
}

/// How an attempt to connect ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectResult {
    /// Established.
    Ok,
    /// The peer said no (`ECONNREFUSED`).
    Refused,
    /// The kernel gave up waiting (`ETIMEDOUT`).
    Timeout,
    /// No way there (`EHOSTUNREACH`, `ENETUNREACH`, or no segment ever left).
    Unreachable,
    /// The peer broke it off (`ECONNRESET`).
    Reset,
    /// The process closed the socket before there was an answer.
    Canceled,
    /// Any other error.
    Other,
}

/// Which side of a connection the watched process is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// It asks.
    Client,
    /// It answers.
    Server,
}

/// What can be seen of a connection's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Visibility {
    /// All of it.
    Plaintext,
    /// All of it, inside TLS.
    TlsDecoded,
    /// The server's name and the bytes.
    TlsOpaque,
    /// The bytes.
    Other,
}

/// How a DNS lookup ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LookupResult {
    /// Addresses, or an empty answer without an error.
    Ok,
    /// The name does not exist (RCODE 3).
    Nxdomain,
    /// The server failed (RCODE 2).
    Servfail,
    /// No answer came before the socket was closed or time ran out.
    Timeout,
    /// Any other answer.
    Other,
}

/// An image that was pulled, or was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulled {
    /// Who and where.
    pub client: Client,
    /// What will run the image.
    pub isolation: Isolation,
    /// How it ended.
    pub status: PullStatus,
    /// Why not.
    pub trouble: Option<Trouble>,
    /// Whether no blob crossed the wire for it.
    pub on_disk: Known,
    /// Whether credentials were presented.
    pub has_creds: Known,
    /// Why it was pulled.
    pub trigger: Trigger,
    /// From its first sign to its end.
    pub duration: u64,
}

/// How a call of the CRI ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallStatus {
    /// With this status.
    Told(grpc::Status),
    /// With a status that has no meaning, or that could not be read.
    Unread,
    /// Without any: its client gave it up, or one of the two is gone.
    Cut,
}

/// What can be reclaimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// An image.
    Image,
    /// A container.
    Container,
    /// A sandbox.
    Sandbox,
}

/// Who had something removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Remover {
    /// The kubelet, which removes only what it collects.
    Kubelet,
    /// A program that a person uses.
    User,
    /// There is no evidence.
    Unknown,
}

/// What a recipe's operation is counted under.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Operation {
    /// The process's target.
    pub process: TargetId,
    /// Name of the operation.
    pub operation: Arc<str>,
    /// What kind of it.
    pub kind: Arc<str>,
}

/// What an item of a queue consumer's work is counted under.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Work {
    /// The process's target.
    pub process: TargetId,
    /// The queue.
    pub queue: Arc<str>,
    /// Whether each item's own end is seen. Otherwise ends are taken for those of the oldest items: an estimate.
    pub exact: bool,
}

/// How an operation or an item of work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Completion {
    /// As it should.
    Ok,
    /// Not so.
    Error,
    /// That can't be known.
    Unknown,
}

/// What an upstream did to a served request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProxyTrouble {
    /// It refused the connection.
    ConnectionRefused,
    /// It did not answer in time, or could not be connected to in time.
    Timeout,
    /// Anything else.
    Other,
}

/// Whether what was served had been there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cached {
    /// It had.
    Hit,
    /// It was fetched for this.
    Miss,
    /// What the process fetches can't be seen.
    Unknown,
}

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
