//! The labels that pullscope's metrics have, as types.
//!
//! Where the model or `wire` already has an enum, that enum is the label; the matches below do not compile when one of
//! them gains a variant, so table and code cannot drift apart.

mod pulls;
mod work;

use std::sync::Arc;

use collector_common::counters::Counter;
use collector_common::event;
use wire::http::Method;
use wire::oci::Kind;
use wire::redis;
use wire::registry::RegistryLabel;
use wire::trouble::Trouble;

use super::label::{Label, LabelValue, Values};
use crate::model::fact::{
    Cached, ConnectResult, LookupResult, ProxyTrouble, Remover, Resource, Role, Status, Visibility,
};
use crate::model::pull::record::{PullStatus, Trigger};
use crate::model::reason;
pub use pulls::{Handler, HasCreds, OnDisk, Runtime};
pub use work::{Basis, OperationKind, OperationName, Queue};

/// Gives an enum its label's name and the text of each variant.
macro_rules! label {
    ($name:literal, $type:ty { $($variant:ident => $value:literal),* $(,)? }) => {
        impl LabelValue for $type {
            const LABEL: Label = Label { name: $name, values: Values::Closed(&[$($value,)*]) };

            fn as_str(&self) -> &str {
                match self { $(Self::$variant => $value,)* }
            }
        }
    };
}

label!("kind", Kind {
    Manifest => "manifest", Blob => "blob", Tags => "tags", Referrers => "referrers", Token => "token", Ping => "ping",
    Catalog => "catalog", Upload => "upload", Other => "other",
});
label!("method", Method {
    Get => "GET", Head => "HEAD", Post => "POST", Put => "PUT", Patch => "PATCH", Delete => "DELETE",
    Options => "OPTIONS", Connect => "CONNECT", Trace => "TRACE", Other => "OTHER",
});
label!("status", Status { Ok => "ok", Error => "error" });
label!("result", ConnectResult {
    Ok => "ok", Refused => "refused", Timeout => "timeout", Unreachable => "unreachable", Reset => "reset",
    Canceled => "canceled", Other => "other",
});
label!("role", Role { Client => "client", Server => "server" });
label!("visibility", Visibility {
    Plaintext => "plaintext", TlsDecoded => "tls_decoded", TlsOpaque => "tls_opaque", Other => "other",
});
label!("result", LookupResult {
    Ok => "ok", Nxdomain => "nxdomain", Servfail => "servfail", Timeout => "timeout", Other => "other",
});
label!("status", PullStatus { Ok => "ok", Error => "error", Unknown => "unknown" });
label!("trigger", Trigger { Execution => "execution", Warmup => "warmup", Unknown => "unknown" });
label!("reason", Trouble {
    Unauthorized => "unauthorized", NotFound => "not_found", RateLimited => "rate_limited",
    ServerError => "server_error", ConnectionRefused => "connection_refused", Unreachable => "unreachable",
    Dns => "dns", Tls => "tls", Timeout => "timeout", Reset => "reset", Canceled => "canceled", Killed => "killed",
    NoSpace => "no_space", Other => "other",
});
label!("kind", Resource { Image => "image", Container => "container", Sandbox => "sandbox" });
label!("result", Cached { Hit => "hit", Miss => "miss", Unknown => "unknown" });
label!("reason", ProxyTrouble {
    ConnectionRefused => "connection_refused", Timeout => "timeout", Other => "other",
});
label!("reason", Remover { Kubelet => "kubelet", User => "user", Unknown => "unknown" });
label!("type", event::Kind {
    Exec => "exec", Fork => "fork", Exit => "exit", Open => "open", State => "state", Data => "data", Close => "close",
    Frame => "frame", Message => "message", Field => "field", ThreadExit => "thread_exit",
});

/// Whether a connection came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Connected {
    /// It did.
    Ok,
    /// It did not, for whatever reason.
    Error,
}
label!("result", Connected { Ok => "ok", Error => "error" });

/// What can be downloaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DownloadKind {
    /// A manifest or an index.
    Manifest,
    /// A blob: a config or a layer.
    Blob,
}
label!("kind", DownloadKind { Manifest => "manifest", Blob => "blob" });

/// Which way bytes crossed the network, as the watched process sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// It received them.
    Receive,
    /// It sent them.
    Transmit,
}
label!("direction", Way { Receive => "receive", Transmit => "transmit" });

/// How the kernel programs watch sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttachedStrategy {
    /// Not at all (yet).
    None,
    /// By the socket layer's tracepoints.
    Sock,
    /// By the end of every system call.
    Syscall,
}
label!("kernel_strategy", AttachedStrategy { None => "none", Sock => "sock", Syscall => "syscall" });

/// A TLS implementation whose functions can be probed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Library {
    /// Go's crypto/tls and net/http.
    Go,
    /// OpenSSL and its forks.
    Openssl,
}
label!("library", Library { Go => "go", Openssl => "openssl" });

/// A configured target's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Process(pub(super) Arc<str>);

impl LabelValue for Process {
    const LABEL: Label = Label { name: "process", values: Values::Process };

    fn as_str(&self) -> &str {
        &self.0
    }
}

/// A registry, or `[OTHER]` where there was no room for one more.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Registry {
    /// A registry that has its own series.
    Own(RegistryLabel),
    /// Any other.
    Overflow,
}

impl LabelValue for Registry {
    const LABEL: Label = Label { name: "registry", values: Values::Registry };

    fn as_str(&self) -> &str {
        match self {
            Self::Own(label) => label.as_str(),
            Self::Overflow => "[OTHER]",
        }
    }

    fn is_overflow(&self) -> bool {
        *self == Self::Overflow
    }
}

/// The status code of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Code(Option<[u8; 3]>);

impl From<Option<u16>> for Code {
    /// Codes have three digits (RFC 9110 section 15); what has more is no answer.
    fn from(code: Option<u16>) -> Self {
        let digit = |n: u16| b'0' + u8::try_from(n % 10).unwrap_or_default();
        Self(code.filter(|code| *code < 1000).map(|code| [digit(code / 100), digit(code / 10), digit(code)]))
    }
}

impl LabelValue for Code {
    const LABEL: Label = Label { name: "code", values: Values::Code };

    fn as_str(&self) -> &str {
        self.0.as_ref().and_then(|digits| std::str::from_utf8(digits).ok()).unwrap_or("none")
    }
}

/// Declares a label whose values are names in the code.
macro_rules! named {
    ($(#[$meta:meta])* $type:ident, $name:literal, $values:expr) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct $type(pub &'static str);

        impl LabelValue for $type {
            const LABEL: Label = Label { name: $name, values: $values };

            fn as_str(&self) -> &str {
                self.0
            }
        }
    };
}

named!(
    /// Version of the program.
    Version, "version", Values::Named("the program's version")
);
named!(
    /// Commit of the program.
    Revision, "revision", Values::Named("the commit it was built from, or `unknown`")
);
named!(
    /// A kernel program.
    Probe, "probe", Values::Named("the name of a kernel program")
);
named!(
    /// A map that kernel and collector share.
    Map, "map", Values::Named("the name of a kernel map")
);
named!(
    /// A metric, without the `pullscope_` prefix.
    MetricName, "metric", Values::Named("a metric, without the `pullscope_` prefix")
);
named!(
    /// A call of the CRI.
    Operation, "operation", Values::Named("name of a call of the CRI, such as RunPodSandbox, or other")
);
named!(
    /// Why the pull log does not have a change of a pull, or a reader of its stream not.
    NotLogged, "reason", Values::Closed(&NOT_LOGGED)
);
named!(
    /// A gauge that counts begins and ends, without the `pullscope_` prefix.
    GaugeName, "gauge", Values::Closed(&GAUGES)
);
named!(
    /// What got lost between kernel and collector.
    Loss, "reason", Values::Closed(&LOSSES)
);
named!(
    /// Why something that was seen belongs to no exchange.
    Unattributed, "reason", Values::Closed(&UNATTRIBUTED)
);
named!(
    /// Why a program file has no probes.
    Refused, "reason", Values::Closed(&REFUSED)
);

/// The gauges that count begins and ends.
pub const GAUGES: [&str; 7] = [
    "connections_open",
    "image_pulls_in_flight",
    "operations_in_flight",
    "processes_watched",
    "registry_requests_in_flight",
    "served_requests_in_flight",
    "work_in_flight",
];

/// Reasons of [`NotLogged`].
pub const NOT_LOGGED: [&str; 2] = [NotLogged::LOG_FULL.0, NotLogged::READER_SLOW.0];

impl NotLogged {
    /// Too many pulls are going on at once.
    pub const LOG_FULL: Self = Self("log_full");
    /// A reader of the stream took its events too slowly.
    pub const READER_SLOW: Self = Self("reader_slow");
}

/// Reasons of [`Refused`]: those of `binary` and of discovery, and [`Refused::OTHER`]; a test goes through the former.
pub const REFUSED: [&str; 15] = [
    "unreadable",
    "other_machine",
    "malformed",
    "too_much",
    "version_unknown",
    "too_old",
    "too_new",
    "functions_unknown",
    "function_doubtful",
    "module_unknown",
    "table_full",
    "not_looked_at",
    "changing",
    "attach_failed",
    "other",
];

impl Refused {
    /// A reason that is not in the list.
    pub const OTHER: Self = Self("other");

    /// The reason as a label; what is not in the list is `other`.
    pub fn from_reason(reason: &'static str) -> Self {
        if REFUSED.contains(&reason) { Self(reason) } else { Self::OTHER }
    }
}

/// What the kernel programs count as lost, and [`Loss::MALFORMED`].
pub const LOSSES: [&str; Counter::ALL.len() + 1] = {
    let mut reasons = [Loss::MALFORMED.0; Counter::ALL.len() + 1];
    let mut place = 0;
    while place < Counter::ALL.len() {
        reasons[place] = Counter::ALL[place].reason();
        place += 1;
    }
    reasons
};

impl Loss {
    /// A record that the collector could not read: its kind or a number in it is not known.
    pub const MALFORMED: Self = Self("malformed");
}

impl From<Counter> for Loss {
    fn from(counter: Counter) -> Self {
        Self(counter.reason())
    }
}

/// Reasons that the decoders of HTTP give; a test holds them against [`wire::http::Unparsed`].
const UNPARSED: [&str; 11] = [
    "head_too_long",
    "bad_head",
    "bad_framing",
    "bad_chunk",
    "hole",
    "no_request",
    "pipelined",
    "head_cut",
    "http2",
    "hpack_unknown",
    "pushed",
];

/// How many reasons the decoder of Redis gives.
const REDIS: usize = redis::Unparsed::ALL.len();

/// Reasons of [`Unattributed`]: those of `wire` and of the model, and [`Unattributed::OTHER`].
pub const UNATTRIBUTED: [&str; UNPARSED.len() + REDIS + reason::ALL.len() + 1] = {
    let mut reasons = [Unattributed::OTHER.0; UNPARSED.len() + REDIS + reason::ALL.len() + 1];
    let mut place = 0;
    while place < UNPARSED.len() {
        reasons[place] = UNPARSED[place];
        place += 1;
    }
    while place < UNPARSED.len() + REDIS {
        reasons[place] = redis::Unparsed::ALL[place - UNPARSED.len()].as_str();
        place += 1;
    }
    while place < UNPARSED.len() + REDIS + reason::ALL.len() {
        reasons[place] = reason::ALL[place - UNPARSED.len() - REDIS];
        place += 1;
    }
    reasons
};

impl Unattributed {
    /// A reason that is not in the list.
    pub const OTHER: Self = Self("other");

    /// The reason as a label; what is not in the list is `other`.
    pub fn from_reason(reason: &'static str) -> Self {
        if UNATTRIBUTED.contains(&reason) { Self(reason) } else { Self::OTHER }
    }
}
