//! What of containerd's own API pulls an image or names one: for `ctr` and `nerdctl`.
//!
//! containerd 1.7 to 2.1, `api/services/{transfer,images}/v1/*.proto` and `api/types/transfer/*.proto`; the images service is
//! the same in 1.6.

use crate::grpc::Message;
use crate::protobuf::{Bytes, Value};

/// A method that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// Transfers from one place to another: [`TransferRequest`].
    Transfer,
    /// Gives a name to what was downloaded: [`ImageRequest`].
    CreateImage,
    /// Lets a name stand for something else: [`ImageRequest`].
    UpdateImage,
}

impl Call {
    /// The call that a `:path` is for; `None` for others.
    pub fn of_path(path: &str) -> Option<Self> {
        match path {
            "/containerd.services.transfer.v1.Transfer/Transfer" => Some(Self::Transfer),
            "/containerd.services.images.v1.Images/Create" => Some(Self::CreateImage),
            "/containerd.services.images.v1.Images/Update" => Some(Self::UpdateImage),
            _ => None,
        }
    }
}

/// What a request to the transfer service says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransferRequest {
    /// Whether it is a pull: from a registry into the image store. `None` where that is not known.
    pub pull: Option<bool>,
    /// What it takes from the registry (`OCIRegistry.reference`); `None` where it takes it from elsewhere or it is not known.
    pub reference: Option<String>,
    /// The name that it gets (`ImageStore.name`); `None` where it gets none or it is not known.
    pub name: Option<String>,
}

impl TransferRequest {
    /// Reads a request.
    pub fn read(message: &Message<'_>) -> Self {
        let (mut source, mut destination) = (Any::default(), Any::default());
        let mut fields = message.fields();
        for (number, value) in &mut fields {
            match (number, value) {
                (1, Value::Bytes(value)) => source = Any::read(value),
                (2, Value::Bytes(value)) => destination = Any::read(value),
                _ => {}
            }
        }
        if fields.is_malformed() {
            return Self::default();
        }
        let from_registry = source.is("containerd.types.transfer.OCIRegistry");
        let into_store = destination.is("containerd.types.transfer.ImageStore");
        let pull = match (from_registry, into_store) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        };
        let of = |any: Any<'_>, fits| any.value.filter(|_| fits == Some(true)).and_then(name);
        Self { pull, reference: of(source, from_registry), name: of(destination, into_store) }
    }
}

/// A `google.protobuf.Any`.
#[derive(Clone, Copy, Default)]
struct Any<'a> {
    type_url: Option<&'a str>,
    value: Option<Bytes<'a>>,
}

impl<'a> Any<'a> {
    fn read(any: Bytes<'a>) -> Self {
        let mut read = Self::default();
        let mut fields = any.fields();
        for (number, value) in &mut fields {
            match (number, value) {
                (1, Value::Bytes(value)) => read.type_url = value.text(),
                (2, Value::Bytes(value)) => read.value = Some(value),
                _ => {}
            }
        }
        if fields.is_malformed() { Self::default() } else { read }
    }

    /// Whether it is of this type; containerd leaves out the `type.googleapis.com/` that others put before it.
    fn is(&self, name: &str) -> Option<bool> {
        self.type_url.map(|url| url.rsplit('/').next() == Some(name))
    }
}

/// What a request to create or update an image says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageRequest {
    /// The name (`image.name`); `None` where it has none or it is not known.
    pub name: Option<String>,
    /// What the name stands for (`image.target.digest`); `None` where it has none or it is not known.
    pub digest: Option<String>,
}

impl ImageRequest {
    /// Reads a request.
    pub fn read(message: &Message<'_>) -> Self {
        let mut request = Self::default();
        let mut fields = message.fields();
        for (number, value) in &mut fields {
            if let (1, Value::Bytes(image)) = (number, value) {
                request = Self::of_image(image);
            }
        }
        if fields.is_malformed() { Self::default() } else { request }
    }

    fn of_image(image: Bytes<'_>) -> Self {
        let mut read = Self::default();
        let mut fields = image.fields();
        for (number, value) in &mut fields {
            match (number, value) {
                (1, Value::Bytes(value)) => read.name = filled(value),
                (3, Value::Bytes(target)) => {
                    // `containerd.types.Descriptor`: media type, digest, size.
                    read.digest = last(target, 2)
                        .and_then(|digest| digest.whole.then_some(digest.bytes))
                        .and_then(crate::oci::owned_digest);
                }
                _ => {}
            }
        }
        if fields.is_malformed() { Self::default() } else { read }
    }
}

/// Field 1 of a message, as a text that is not empty.
fn name(message: Bytes<'_>) -> Option<String> {
    last(message, 1).and_then(filled)
}

/// The last value of a field; `None` where there is none, or the message cannot be read.
fn last(message: Bytes<'_>, wanted: u32) -> Option<Bytes<'_>> {
    let mut fields = message.fields();
    let mut last = None;
    for (number, value) in &mut fields {
        if let Value::Bytes(value) = value
            && number == wanted
        {
            last = Some(value);
        }
    }
    last.filter(|_| !fields.is_malformed())
}

fn filled(text: Bytes<'_>) -> Option<String> {
    text.text().filter(|text| !text.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests;
