//! The few fields of requests and answers that labels need.
//!
//! Where a message has a field twice, the last counts, as for every reader. Of a message that cannot be read to its end, nothing
//! is taken; of one that is only cut, what was read before the cut.

use crate::grpc::Message;
use crate::protobuf::{Bytes, Fields, Value};

/// What a `PullImageRequest` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PullImageRequest {
    /// The image as it was asked for (`image.image`); `None` where it has none or it is not known.
    pub image: Option<String>,
    /// The handler that will run it (`image.runtime_handler`, since Kubernetes 1.29): empty where the client leaves it open,
    /// `None` where it is not known.
    pub runtime_handler: Option<String>,
    /// Whether there is a user name, a password or a token in `auth` that is not empty; `None` where it is not known.
    pub credentials: Option<bool>,
    /// Whether it is for a certain sandbox (`sandbox_config`); `None` where it is not known.
    pub sandbox: Option<bool>,
    /// The pod of that sandbox (`sandbox_config.metadata.uid`); `None` where it has none or it is not known.
    pub pod: Option<String>,
}

impl PullImageRequest {
    /// Reads a request.
    pub fn read(message: &Message<'_>) -> Self {
        let (mut request, mut handler, mut credentials) = (Self::default(), None, None);
        let whole = each(message.fields(), |number, value| match number {
            1 => (request.image, handler) = image_spec(value),
            2 => credentials = Some(has_credentials(value)),
            3 => {
                request.sandbox = Some(true);
                request.pod = pod(value);
            }
            _ => {}
        });
        let Some(whole) = whole else { return Self::default() };
        if whole {
            credentials.get_or_insert(Some(false));
            request.sandbox.get_or_insert(false);
        }
        request.runtime_handler = handler;
        request.credentials = credentials.flatten();
        request
    }
}

/// What a `RunPodSandboxRequest` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunPodSandboxRequest {
    /// The pod (`config.metadata.uid`); `None` where it has none or it is not known.
    pub pod: Option<String>,
    /// The handler (`runtime_handler`): empty where the client leaves it open, `None` where it is not known.
    ///
    /// It stands behind the whole configuration: it is not known where labels and annotations fill what is captured.
    pub handler: Option<String>,
}

impl RunPodSandboxRequest {
    /// Reads a request.
    pub fn read(message: &Message<'_>) -> Self {
        let (mut request, mut handler) = (Self::default(), None);
        let whole = each(message.fields(), |number, value| match number {
            1 => request.pod = pod(value),
            2 => handler = Some(value.text().map(str::to_owned)),
            _ => {}
        });
        let Some(whole) = whole else { return Self::default() };
        request.handler = handler.unwrap_or(whole.then(String::new));
        request
    }
}

/// The id that is field 1; `None` where it has none or it is not known.
///
/// It is that of the sandbox in the requests `StopPodSandbox`, `RemovePodSandbox` and `CreateContainer` and in the answer to
/// `RunPodSandbox`, that of the container in the requests `StartContainer`, `StopContainer` and `RemoveContainer` and in the
/// answer to `CreateContainer`, and that of the image in the answer to `PullImage`.
pub fn id(message: &Message<'_>) -> Option<String> {
    let mut id = None;
    each(message.fields(), |number, value| {
        if number == 1 {
            id = filled(value);
        }
    })?;
    id
}

/// Goes through the fields that have a length. Says whether that were all; `None` where the message cannot be read.
fn each<'a>(mut fields: Fields<'a>, mut field: impl FnMut(u32, Bytes<'a>)) -> Option<bool> {
    for (number, value) in &mut fields {
        if let Value::Bytes(value) = value {
            field(number, value);
        }
    }
    (!fields.is_malformed()).then_some(fields.is_whole())
}

fn filled(value: Bytes<'_>) -> Option<String> {
    value.text().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Image and handler of an `ImageSpec`.
fn image_spec(value: Bytes<'_>) -> (Option<String>, Option<String>) {
    let (mut image, mut handler) = (None, None);
    let whole = each(value.fields(), |number, value| match number {
        1 => image = filled(value),
        19 => handler = Some(value.text().map(str::to_owned)),
        _ => {}
    });
    let Some(whole) = whole else { return (None, None) };
    (image, handler.unwrap_or(whole.then(String::new)))
}

/// Whether an `AuthConfig` has credentials. Only lengths are looked at.
fn has_credentials(value: Bytes<'_>) -> Option<bool> {
    let mut found = false;
    let whole = each(value.fields(), |number, value| {
        // 4 is the address of the registry.
        found |= matches!(number, 1 | 2 | 3 | 5 | 6) && !value.is_empty();
    })?;
    if found { Some(true) } else { whole.then_some(false) }
}

/// The uid in the metadata of a `PodSandboxConfig`.
fn pod(value: Bytes<'_>) -> Option<String> {
    let mut pod = None;
    each(value.fields(), |number, metadata| {
        if number == 1 {
            pod = None;
            let known = each(metadata.fields(), |number, value| {
                if number == 2 {
                    pod = filled(value);
                }
            });
            pod = pod.take().filter(|_| known.is_some());
        }
    })?;
    pod
}
