//! Calls whose method is not known, because the `:path` refers to what a connection said before pullscope began to watch.

use std::ops::RangeInclusive;

use crate::grpc::Message;
use crate::protobuf::{Bytes, Value};
use crate::reference::Reference;

/// What can be printed, but for the blank: what ids and references are made of.
const VISIBLE: RangeInclusive<u8> = b'!'..=b'~';

/// Whether a call to the CRI is `PullImage`, by the shape of its request and of its answer. `None` where other calls can look
/// the same, or too little of it is there.
///
/// All requests of the CRI, by what their fields 1 to 3 are:
///
/// | field 1 | field 2 | field 3 | requests |
/// | --- | --- | --- | --- |
/// | nothing | | | those for lists without a filter, and those that have no fields |
/// | a number | | | `Status` |
/// | text | any | any | `Version`, and all that are about one sandbox or one container |
/// | a message that has a message in its field 1 | any | | `RunPodSandbox`, `ListImages`, `UpdateRuntimeConfig` |
/// | a message that has text in its field 1 | nothing | nothing | `PullImage`, `ImageStatus`, `RemoveImage`, and those for lists with a filter for an id |
/// | the same | a number | nothing | `ImageStatus` |
/// | the same | a message | nothing | `PullImage` with `auth` |
/// | the same | any | a message | `PullImage` with `sandbox_config` |
///
/// So a second or third field tells, and where there is none, the answer does: that to `PullImage` has text in its field 1, that
/// to `ImageStatus` and to lists a message, that to `RemoveImage` nothing. An answer with nothing in it is none to `PullImage`: it
/// must name the image.
///
/// Text and messages look alike on the wire. They are told apart by their first byte: ids and references begin with a visible
/// character, and none of these messages does, since its first byte is the number of a field from 1 to 3 that has a length (10,
/// 18, 26) or one above 15 (128 and more). A request that names no image is none for a pull, whatever it is.
///
/// Sockets of containerd serve its own services too, with requests of the same shape. Their texts are no image references, with
/// one exception: `namespaces.v1.Namespaces/Update` with an update mask looks like `PullImage` with a user name.
pub fn is_pull_image(request: &Message<'_>, response: Option<&Message<'_>>) -> Option<bool> {
    let (mut first, mut more, mut readable) = (None, false, true);
    let mut fields = request.fields();
    for (number, value) in &mut fields {
        match (number, value) {
            (1, Value::Bytes(value)) if first.is_none() => first = Some(value),
            (1, Value::Bytes(_)) => return None,
            (2 | 3, Value::Bytes(value)) => {
                more = true;
                readable &= is_message(value);
            }
            (1..=3, _) => return Some(false),
            // What newer versions may add.
            _ => {}
        }
    }
    if fields.is_malformed() {
        return None;
    }
    let Some(first) = first else { return fields.is_whole().then_some(false) };
    match names_image(first)? {
        true if more => readable.then_some(true),
        true => is_answer(response?),
        false => Some(false),
    }
}

/// Whether field 1 of a request is an `ImageSpec` that names an image; `None` where it cannot be told.
fn names_image(spec: Bytes<'_>) -> Option<bool> {
    if spec.is_empty() || VISIBLE.contains(spec.bytes.first()?) {
        return Some(false);
    }
    let mut image = None;
    let mut fields = spec.fields();
    for (number, value) in &mut fields {
        match (number, value) {
            (1, Value::Bytes(value)) => image = Some(value),
            // Annotations, and what came later.
            (2 | 18.., Value::Bytes(_)) => {}
            _ => return Some(false),
        }
    }
    if fields.is_malformed() {
        return None;
    }
    let Some(image) = image else { return fields.is_whole().then_some(false) };
    if image.is_empty() || !VISIBLE.contains(image.bytes.first()?) {
        return Some(false);
    }
    Reference::parse(image.text()?).ok().map(|_| true)
}

/// Whether a response is that to `PullImage`, when the request is one that names an image.
fn is_answer(response: &Message<'_>) -> Option<bool> {
    let mut fields = response.fields();
    let first = fields.find_map(|(number, value)| match (number, value) {
        (1, Value::Bytes(value)) => Some(value),
        _ => None,
    });
    let Some(first) = first else { return fields.is_whole().then_some(false) };
    if !VISIBLE.contains(first.bytes.first()?) {
        return Some(false);
    }
    (first.whole && first.bytes.iter().all(|byte| VISIBLE.contains(byte))).then_some(true)
}

fn is_message(value: Bytes<'_>) -> bool {
    let mut fields = value.fields();
    fields.by_ref().for_each(drop);
    !fields.is_malformed()
}
