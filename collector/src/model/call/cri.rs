//! The CRI.

use wire::cri::{self, Call, PullImageRequest, RunPodSandboxRequest};
use wire::grpc::{Message, Status};

use super::{Asked, End};
use crate::model::Context;
use crate::model::collection::{Removal, Removing};
use crate::model::fact::{CallStatus, Fact, Resource, Status as Outcome};
use crate::model::pull::Called;
use crate::model::pull::record::{PullId, Source, Trigger};
use crate::model::sandboxes::Created;
use crate::model::start::Start;

/// The pull that a `PullImage` is, once its request can be read; `last`: no more of it comes.
pub(super) fn pull(asked: &Asked, request: &Start, last: bool, context: &mut Context) -> Option<PullId> {
    let message = Message::first(request.bytes());
    let read = message.as_ref().map(PullImageRequest::read).unwrap_or_default();
    if read.image.is_none() && !last {
        return None;
    }
    let trigger = match read.sandbox {
        Some(true) => Trigger::Execution,
        Some(false) => Trigger::Warmup,
        None => Trigger::Unknown,
    };
    // Clients that are older than the field leave it empty: then the pod's sandbox tells, if the image is for one.
    let isolation = match read.runtime_handler.as_deref() {
        Some("") | None => {
            let pod = read.pod.as_deref();
            let of_pod = pod.and_then(|pod| context.sandboxes.handler_of_pod(asked.target, pod));
            of_pod.or_else(|| read.runtime_handler.map(|_| context.sandboxes.handler("")))
        }
        Some(handler) => Some(context.sandboxes.handler(handler)),
    };
    context.pulls.called(Called {
        pid: asked.pid,
        target: asked.target,
        source: Source::Cri,
        image: read.image,
        isolation,
        trigger,
        credentials: read.credentials,
        time: asked.began,
    })
}

/// The pull that a call of an unknown name is, once its messages can be no others'.
pub(super) fn unnamed_pull(
    asked: &Asked,
    request: &Start,
    response: &Start,
    context: &mut Context,
) -> Option<PullId> {
    let request_message = Message::first(request.bytes())?;
    let response = Message::first(response.bytes());
    if cri::is_pull_image(&request_message, response.as_ref()) != Some(true) {
        return None;
    }
    pull(asked, request, true, context)
}

/// A call begins: it may be part of a collection that goes on.
pub(super) fn begun(call: Call, asked: &Asked, context: &Context) -> Option<Removing> {
    let resource = match call {
        Call::RemovePodSandbox => Resource::Sandbox,
        Call::RemoveContainer => Resource::Container,
        Call::RemoveImage => Resource::Image,
        _ => return None,
    };
    context.collections.begun(asked.target, asked.peer?.pid, resource)
}

/// A call has ended.
pub(super) fn ended(
    call: Call,
    asked: &Asked,
    (request, response): (&Start, &Start),
    end: End,
    context: &mut Context,
) {
    let runtime = asked.target;
    let duration = end.time.saturating_sub(asked.began);
    context.outbox.push(Fact::CriCall { runtime, operation: call.as_str(), status: end.status, duration });
    let (request, response) = (Message::first(request.bytes()), Message::first(response.bytes()));
    let id = || request.as_ref().and_then(cri::id);
    match (call, end.status) {
        // What may have been started was, as far as rollbacks go.
        (Call::StartContainer, CallStatus::Told(Status::Ok) | CallStatus::Unread | CallStatus::Cut) => {
            if let Some(container) = id() {
                context.sandboxes.container_started(&container);
            }
        }
        (Call::CreateContainer, CallStatus::Told(Status::Ok) | CallStatus::Unread) => {
            if let Some(sandbox) = id() {
                let container = response.as_ref().and_then(cri::id);
                context.sandboxes.container_created(&sandbox, container.as_deref());
            }
        }
        _ => {}
    }
    let status = match end.status {
        CallStatus::Told(Status::Ok) => Outcome::Ok,
        CallStatus::Told(_) | CallStatus::Cut => Outcome::Error,
        // What became of it is not known.
        CallStatus::Unread => return,
    };
    match call {
        Call::RunPodSandbox => {
            let asked_for = request.as_ref().map(RunPodSandboxRequest::read).unwrap_or_default();
            let id = response.as_ref().and_then(cri::id);
            let created = Created { runtime, handler: asked_for.handler, pod: asked_for.pod, id };
            context.sandboxes.created(created, status, duration, &context.outbox);
        }
        Call::RemovePodSandbox => {
            context.sandboxes.removed(runtime, id().as_deref(), status, &context.outbox);
            removed(Resource::Sandbox, asked, end, status, context);
        }
        Call::RemoveContainer => removed(Resource::Container, asked, end, status, context),
        Call::RemoveImage => removed(Resource::Image, asked, end, status, context),
        _ => {}
    }
}

fn removed(resource: Resource, asked: &Asked, end: End, status: Outcome, context: &mut Context) {
    let removal = Removal {
        runtime: asked.target,
        resource,
        remover: asked.remover(),
        by: asked.peer.map(|peer| peer.pid),
        began: asked.began,
        ended: end.time,
    };
    context.collections.removed(removal, status, &context.outbox);
}
