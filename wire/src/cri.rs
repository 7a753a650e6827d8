//! The Container Runtime Interface of Kubernetes: `runtime.v1` and `runtime.v1alpha2`.
//!
//! Names and field numbers are those of `k8s.io/cri-api/pkg/apis/runtime/v1/api.proto` of Kubernetes 1.36. What is read here has
//! the same numbers in `v1alpha2` (up to Kubernetes 1.25), which has fewer methods.

pub use messages::{PullImageRequest, RunPodSandboxRequest, id};
pub use shape::is_pull_image;

mod messages;
mod shape;

macro_rules! calls {
    ($($service:ident: $($method:ident)*;)*) => {
        /// A method of the `RuntimeService` or the `ImageService`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Call {
            $($(
                #[doc = concat!("`", stringify!($service), "/", stringify!($method), "`")]
                $method,
            )*)*
            /// A method of these services that is not known here.
            Other,
        }

        impl Call {
            /// Every call, for metrics that exist from the start.
            pub const ALL: &[Self] = &[$($(Self::$method,)*)* Self::Other];

            /// The name of the method, or `other`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $($(Self::$method => stringify!($method),)*)*
                    Self::Other => "other",
                }
            }

            fn of(service: &str, method: &str) -> Option<Self> {
                match service {
                    $(stringify!($service) => Some(match method {
                        $(stringify!($method) => Self::$method,)*
                        _ => Self::Other,
                    }),)*
                    _ => None,
                }
            }
        }
    };
}

calls! {
    RuntimeService:
        Version
        RunPodSandbox StopPodSandbox RemovePodSandbox PodSandboxStatus ListPodSandbox StreamPodSandboxes
        CreateContainer StartContainer StopContainer RemoveContainer ListContainers StreamContainers ContainerStatus
        UpdateContainerResources ReopenContainerLog
        ExecSync Exec Attach PortForward
        ContainerStats ListContainerStats StreamContainerStats PodSandboxStats ListPodSandboxStats StreamPodSandboxStats
        UpdateRuntimeConfig Status CheckpointContainer GetContainerEvents
        ListMetricDescriptors ListPodSandboxMetrics StreamPodSandboxMetrics
        RuntimeConfig UpdatePodSandboxResources;
    ImageService:
        ListImages StreamImages ImageStatus PullImage RemoveImage ImageFsInfo;
}

impl Call {
    /// The call that a `:path` is for, such as `/runtime.v1.ImageService/PullImage`; `None` for one of other services.
    pub fn of_path(path: &str) -> Option<Self> {
        let rest = path.strip_prefix("/runtime.v1.").or_else(|| path.strip_prefix("/runtime.v1alpha2."))?;
        let (service, method) = rest.split_once('/')?;
        Self::of(service, method)
    }
}

#[cfg(test)]
mod tests;
