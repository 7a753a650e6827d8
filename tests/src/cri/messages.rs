//! The messages of the CRI that the tests send and read: of each the fields that they need, with the numbers of
//! `k8s.io/cri-api/pkg/apis/runtime/v1/api.proto` (v0.34), which are those of v1alpha2.

use std::collections::HashMap;

mod containers;

pub use containers::*;

/// `ImageSpec`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ImageSpec {
    /// A reference or an id.
    #[prost(string, tag = "1")]
    pub image: String,
    /// Annotations, of any length.
    #[prost(map = "string, string", tag = "2")]
    pub annotations: HashMap<String, String>,
    /// The handler that the image is for.
    #[prost(string, tag = "19")]
    pub runtime_handler: String,
}

/// `AuthConfig`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AuthConfig {
    /// User name.
    #[prost(string, tag = "1")]
    pub username: String,
    /// Password.
    #[prost(string, tag = "2")]
    pub password: String,
    /// For whom they are.
    #[prost(string, tag = "4")]
    pub server_address: String,
}

/// `PodSandboxMetadata`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PodSandboxMetadata {
    /// Name of the pod.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its uid.
    #[prost(string, tag = "2")]
    pub uid: String,
    /// Its namespace.
    #[prost(string, tag = "3")]
    pub namespace: String,
    /// Which attempt at it this is.
    #[prost(uint32, tag = "4")]
    pub attempt: u32,
}

/// `NamespaceOption`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct NamespaceOption {
    /// 0 for the pod's own, 2 for the node's.
    #[prost(int32, tag = "1")]
    pub network: i32,
    /// 0 for the pod's own, 1 for the container's own, 2 for the node's.
    #[prost(int32, tag = "2")]
    pub pid: i32,
}

/// `SecurityProfile`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SecurityProfile {
    /// 0 for the runtime's default, 1 for none.
    #[prost(int32, tag = "1")]
    pub profile_type: i32,
}

/// `LinuxSandboxSecurityContext`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct LinuxSandboxSecurityContext {
    /// Namespaces.
    #[prost(message, optional, tag = "1")]
    pub namespace_options: Option<NamespaceOption>,
    /// Whether a privileged container comes.
    #[prost(bool, tag = "6")]
    pub privileged: bool,
}

/// `LinuxPodSandboxConfig`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct LinuxPodSandboxConfig {
    /// Below which cgroup.
    #[prost(string, tag = "1")]
    pub cgroup_parent: String,
    /// Namespaces.
    #[prost(message, optional, tag = "2")]
    pub security_context: Option<LinuxSandboxSecurityContext>,
}

/// `PodSandboxConfig`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PodSandboxConfig {
    /// Which pod.
    #[prost(message, optional, tag = "1")]
    pub metadata: Option<PodSandboxMetadata>,
    /// Folder of the containers' logs.
    #[prost(string, tag = "3")]
    pub log_directory: String,
    /// Labels.
    #[prost(map = "string, string", tag = "6")]
    pub labels: HashMap<String, String>,
    /// What is Linux's own.
    #[prost(message, optional, tag = "8")]
    pub linux: Option<LinuxPodSandboxConfig>,
}

/// `PullImageRequest`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PullImageRequest {
    /// Which image.
    #[prost(message, optional, tag = "1")]
    pub image: Option<ImageSpec>,
    /// Credentials.
    #[prost(message, optional, tag = "2")]
    pub auth: Option<AuthConfig>,
    /// For which pod.
    #[prost(message, optional, tag = "3")]
    pub sandbox_config: Option<PodSandboxConfig>,
}

/// `PullImageResponse`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PullImageResponse {
    /// Digest or id.
    #[prost(string, tag = "1")]
    pub image_ref: String,
}

/// `ImageStatusRequest` and `RemoveImageRequest`, which have the same field.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ImageRequest {
    /// Which image.
    #[prost(message, optional, tag = "1")]
    pub image: Option<ImageSpec>,
}

/// `Image`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Image {
    /// Its id: the digest of its config.
    #[prost(string, tag = "1")]
    pub id: String,
    /// Its names.
    #[prost(string, repeated, tag = "2")]
    pub repo_tags: Vec<String>,
}

/// `ImageStatusResponse`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ImageStatusResponse {
    /// The image, if it is there.
    #[prost(message, optional, tag = "1")]
    pub image: Option<Image>,
}

/// `ListImagesResponse`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ListImagesResponse {
    /// All images.
    #[prost(message, repeated, tag = "1")]
    pub images: Vec<Image>,
}

/// `RunPodSandboxRequest`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RunPodSandboxRequest {
    /// The pod.
    #[prost(message, optional, tag = "1")]
    pub config: Option<PodSandboxConfig>,
    /// The runtime handler, empty for the default.
    #[prost(string, tag = "2")]
    pub runtime_handler: String,
}

/// What has one field, an id: requests about a sandbox or a container, and the answers of what creates one.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Id {
    /// The id.
    #[prost(string, tag = "1")]
    pub id: String,
}

/// `PodSandbox`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PodSandbox {
    /// Its id.
    #[prost(string, tag = "1")]
    pub id: String,
    /// 0 ready, 1 not ready.
    #[prost(int32, tag = "3")]
    pub state: i32,
}

/// `ListPodSandboxResponse`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ListPodSandboxResponse {
    /// All sandboxes.
    #[prost(message, repeated, tag = "1")]
    pub items: Vec<PodSandbox>,
}

/// A request without any field that the tests use.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Empty {}
