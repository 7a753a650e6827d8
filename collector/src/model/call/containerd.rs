//! containerd's own services.

use wire::containerd::{Call as Service, ImageRequest, TransferRequest};
use wire::grpc::Message;

use super::{Asked, Call, What};
use crate::model::Context;
use crate::model::pull::Called;
use crate::model::pull::record::{PullId, Source, Trigger};
use crate::model::start::Start;

/// What a call is to its client: containerd itself tells of a transfer, if it is watched.
pub(super) fn seen_by_client(call: &Call, context: &Context) -> Option<What> {
    let What::Containerd(service) = call.what else { return None };
    let told = service == Service::Transfer
        && call.asked.peer.is_none_or(|peer| context.processes.target(peer.pid).is_some());
    (!told).then_some(What::Containerd(service))
}

/// The pull that a transfer is, once its request can be read.
pub(super) fn transfer(asked: &Asked, request: &Start, context: &mut Context) -> Option<PullId> {
    let message = Message::first(request.bytes())?;
    let transfer = TransferRequest::read(&message);
    let image = transfer.reference.or(transfer.name).filter(|_| transfer.pull == Some(true))?;
    let trigger = asked.peer.map_or(Trigger::Unknown, |peer| context.pulls.trigger_of(peer.pid));
    context.pulls.called(Called {
        pid: asked.pid,
        target: asked.target,
        source: Source::Transfer,
        image: Some(image),
        isolation: None,
        trigger,
        // The client is asked for them when the registry demands some: requests tell.
        credentials: Some(false),
        time: asked.began,
    })
}

/// An image is kept under this name from now on.
pub(super) fn stored(service: Service, asked: &Asked, request: &Start, context: &mut Context) {
    if !matches!(service, Service::CreateImage | Service::UpdateImage) {
        return;
    }
    let Some(message) = Message::first(request.bytes()) else { return };
    if let Some(name) = ImageRequest::read(&message).name {
        context.pulls.named(asked.pid, &name);
    }
}
