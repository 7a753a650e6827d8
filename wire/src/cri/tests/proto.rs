//! Messages of the CRI as `prost` has them, with the numbers of `api.proto`. Several that have the same fields are one here.

use std::collections::BTreeMap;

macro_rules! messages {
    ($($name:ident { $($(#[$attribute:meta])* $field:ident: $type:ty,)* })*) => {
        $(
            #[derive(Clone, PartialEq, prost::Message)]
            pub struct $name {
                $($(#[$attribute])* pub $field: $type,)*
            }
        )*
    };
}

messages! {
    ImageSpec {
        #[prost(string, tag = "1")]
        image: String,
        #[prost(btree_map = "string, string", tag = "2")]
        annotations: BTreeMap<String, String>,
        #[prost(string, tag = "18")]
        user_specified_image: String,
        #[prost(string, tag = "19")]
        runtime_handler: String,
    }
    AuthConfig {
        #[prost(string, tag = "1")]
        username: String,
        #[prost(string, tag = "2")]
        password: String,
        #[prost(string, tag = "3")]
        auth: String,
        #[prost(string, tag = "4")]
        server_address: String,
        #[prost(string, tag = "5")]
        identity_token: String,
        #[prost(string, tag = "6")]
        registry_token: String,
    }
    PodSandboxMetadata {
        #[prost(string, tag = "1")]
        name: String,
        #[prost(string, tag = "2")]
        uid: String,
        #[prost(string, tag = "3")]
        namespace: String,
        #[prost(uint32, tag = "4")]
        attempt: u32,
    }
    PodSandboxConfig {
        #[prost(message, optional, tag = "1")]
        metadata: Option<PodSandboxMetadata>,
        #[prost(string, tag = "2")]
        hostname: String,
        #[prost(string, tag = "3")]
        log_directory: String,
        #[prost(btree_map = "string, string", tag = "6")]
        labels: BTreeMap<String, String>,
    }
    PullImage {
        #[prost(message, optional, tag = "1")]
        image: Option<ImageSpec>,
        #[prost(message, optional, tag = "2")]
        auth: Option<AuthConfig>,
        #[prost(message, optional, tag = "3")]
        sandbox_config: Option<PodSandboxConfig>,
    }
    ImageStatus {
        #[prost(message, optional, tag = "1")]
        image: Option<ImageSpec>,
        #[prost(bool, tag = "2")]
        verbose: bool,
    }
    ImageInfo {
        #[prost(string, tag = "1")]
        id: String,
        #[prost(string, repeated, tag = "2")]
        repo_tags: Vec<String>,
        #[prost(uint64, tag = "4")]
        size: u64,
    }
    Image {
        #[prost(message, optional, tag = "1")]
        image: Option<ImageInfo>,
    }
    ImageFilter {
        #[prost(message, optional, tag = "1")]
        image: Option<ImageSpec>,
    }
    Images {
        #[prost(message, optional, tag = "1")]
        filter: Option<ImageFilter>,
    }
    RunPodSandbox {
        #[prost(message, optional, tag = "1")]
        config: Option<PodSandboxConfig>,
        #[prost(string, tag = "2")]
        runtime_handler: String,
    }
    ContainerConfig {
        #[prost(message, optional, tag = "2")]
        image: Option<ImageSpec>,
        #[prost(string, repeated, tag = "3")]
        command: Vec<String>,
    }
    CreateContainer {
        #[prost(string, tag = "1")]
        pod_sandbox_id: String,
        #[prost(message, optional, tag = "2")]
        config: Option<ContainerConfig>,
        #[prost(message, optional, tag = "3")]
        sandbox_config: Option<PodSandboxConfig>,
    }
    // `StopContainer`; with a bool, which is encoded the same, `ContainerStatus` and `PodSandboxStatus`.
    IdAndNumber {
        #[prost(string, tag = "1")]
        id: String,
        #[prost(int64, tag = "2")]
        number: i64,
    }
    Id {
        #[prost(string, tag = "1")]
        id: String,
    }
    // `Status`, and the wrapper of a state.
    Number {
        #[prost(uint32, tag = "1")]
        number: u32,
    }
    // `ContainerFilter`
    Filter {
        #[prost(string, tag = "1")]
        id: String,
        #[prost(message, optional, tag = "2")]
        state: Option<Number>,
        #[prost(string, tag = "3")]
        sandbox: String,
    }
    Exec {
        #[prost(string, tag = "1")]
        id: String,
        #[prost(string, repeated, tag = "2")]
        cmd: Vec<String>,
        #[prost(int64, tag = "3")]
        timeout: i64,
    }
    PortForward {
        #[prost(string, tag = "1")]
        id: String,
        #[prost(int32, repeated, tag = "2")]
        port: Vec<i32>,
    }
    RuntimeConfig {
        #[prost(message, optional, tag = "1")]
        network: Option<Id>,
    }
    // `google.protobuf.Any`
    Pair {
        #[prost(string, tag = "1")]
        key: String,
        #[prost(string, tag = "2")]
        value: String,
    }
    // `containerd.services.transfer.v1.TransferRequest`
    Transfer {
        #[prost(message, optional, tag = "1")]
        source: Option<Pair>,
        #[prost(message, optional, tag = "2")]
        destination: Option<Pair>,
        #[prost(message, optional, tag = "3")]
        options: Option<Id>,
    }
}

/// A message whose only field is a message: `RemoveImage`, lists with a filter, `UpdateRuntimeConfig`.
pub fn nested(inner: &impl prost::Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    prost::encoding::message::encode(1, inner, &mut bytes);
    bytes
}
