//! Labels of image pulls and of what is asked of runtimes.

use wire::grpc;

use super::Process;
use crate::metrics::label::{Label, LabelValue, Values};
use crate::model::fact::CallStatus;
use crate::model::pull::record::{Isolation, Known};

/// A configured target's name, where it stands for what pulls images and runs containers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Runtime(pub(in crate::metrics) Process);

impl LabelValue for Runtime {
    const LABEL: Label = Label { name: "runtime", values: Values::Process };

    fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl LabelValue for Isolation {
    const LABEL: Label = Label {
        name: "isolation",
        values: Values::Named(
            "podman, docker, oci, unknown, or the handler that the client of the CRI asks for",
        ),
    };

    fn as_str(&self) -> &str {
        &self.0
    }
}

/// What runs a sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Handler(pub Isolation);

impl LabelValue for Handler {
    const LABEL: Label = Label {
        name: "handler",
        values: Values::Named("the handler that the client of the CRI asks for, default, or unknown"),
    };

    fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// Declares a label of what may be known or not.
macro_rules! known {
    ($(#[$meta:meta])* $type:ident, $name:literal) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct $type(pub Known);

        impl LabelValue for $type {
            const LABEL: Label = Label { name: $name, values: Values::Closed(&["true", "false", "unknown"]) };

            fn as_str(&self) -> &str {
                match self.0 {
                    Known::Yes => "true",
                    Known::No => "false",
                    Known::Unknown => "unknown",
                }
            }
        }
    };
}
known!(
    /// Whether an image's blobs were there before it was pulled.
    OnDisk, "on_disk"
);
known!(
    /// Whether credentials were presented.
    HasCreds, "has_creds"
);

/// The statuses of gRPC, then those of [`CallStatus`]; a test holds them against [`grpc::Status::ALL`].
const CALL_STATUSES: [&str; 19] = [
    "ok",
    "canceled",
    "unknown",
    "invalid_argument",
    "deadline_exceeded",
    "not_found",
    "already_exists",
    "permission_denied",
    "resource_exhausted",
    "failed_precondition",
    "aborted",
    "out_of_range",
    "unimplemented",
    "internal",
    "unavailable",
    "data_loss",
    "unauthenticated",
    "unread",
    "none",
];

impl LabelValue for CallStatus {
    const LABEL: Label = Label { name: "status", values: Values::Closed(&CALL_STATUSES) };

    fn as_str(&self) -> &str {
        match self {
            Self::Told(status) => grpc::Status::as_str(*status),
            Self::Unread => "unread",
            Self::Cut => "none",
        }
    }
}
