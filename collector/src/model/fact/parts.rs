//! What facts are made of: who, which, and how it ended.

use std::sync::Arc;

use wire::grpc;
use wire::registry::RegistryLabel;
use wire::trouble::Trouble;

use crate::model::event::TargetId;
use crate::model::pull::record::{Isolation, Known, PullStatus, Trigger};

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
