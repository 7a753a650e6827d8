//! The Docker Engine API.

use wire::engine::{Call, Progress};
use wire::http::{Outcome, RequestHead};
use wire::trouble::Trouble;

use super::Asked;
use crate::model::Context;
use crate::model::fact::{Fact, Resource};
use crate::model::pull::Called;
use crate::model::pull::record::{PullId, PullStatus, Source, Trigger};

/// A request to the engine.
pub(super) struct Request {
    call: Call,
    /// What the answer to a pull tells on its way.
    progress: Progress,
}

impl Request {
    pub fn of(head: &RequestHead) -> Option<Self> {
        let call = Call::of(head.method, head.target.path(), head.target.query())?;
        Some(Self { call, progress: Progress::default() })
    }

    /// The request has come.
    pub fn begin(&self, asked: &Asked, context: &mut Context) -> Option<PullId> {
        let Call::PullImage { image } = &self.call else { return None };
        // `docker run` asks for a container first, and is told that there is no such image. Else nobody says what for.
        let trigger = match asked.peer {
            Some(peer) if context.pulls.was_missing(asked.pid, peer.pid) => Trigger::Execution,
            _ => Trigger::Unknown,
        };
        context.pulls.called(Called {
            pid: asked.pid,
            target: asked.target,
            source: Source::Engine,
            image: Some(image.clone()),
            isolation: None,
            trigger,
            credentials: asked.registry_auth,
            time: asked.began,
        })
    }

    /// Captured bytes of the answer's body.
    pub fn progress(&mut self, bytes: &[u8], gap: bool) {
        if !matches!(self.call, Call::PullImage { .. }) {
            return;
        }
        if gap {
            self.progress.gap();
        }
        self.progress.feed(bytes);
    }

    /// The answer has ended; `ended` is its status code and how it ended.
    pub fn ended(
        &mut self,
        asked: &Asked,
        pull: Option<PullId>,
        ended: (Option<u16>, Outcome),
        time: u64,
        context: &mut Context,
    ) {
        match (&self.call, ended) {
            (Call::PullImage { .. }, ended) => {
                self.progress.finish();
                if let Some(pull) = pull {
                    let (status, trouble) = self.pulled(asked, ended, time);
                    context.pulls.call_ended(pull, status, trouble, time);
                }
            }
            (Call::CreateContainer, (Some(404), _)) => {
                if let Some(peer) = asked.peer {
                    context.pulls.image_missing(asked.pid, peer.pid);
                }
            }
            (Call::RemoveImage, (Some(200..=299), _)) => removed(Resource::Image, asked, context),
            (Call::RemoveContainer, (Some(200..=299), _)) => removed(Resource::Container, asked, context),
            _ => {}
        }
    }

    /// How a pull ended. The engine answers 200 before it knows, and tells what went wrong in the body.
    fn pulled(
        &self,
        asked: &Asked,
        (code, outcome): (Option<u16>, Outcome),
        time: u64,
    ) -> (PullStatus, Option<Trouble>) {
        let progress = &self.progress;
        match (code, outcome) {
            _ if progress.failed() => (PullStatus::Error, progress.trouble()),
            (Some(code @ 400..), _) => (PullStatus::Error, Trouble::of_code(code)),
            // What the last lines say of a pull that went well, they say only then.
            (Some(_), _) if progress.up_to_date().is_some() => (PullStatus::Ok, None),
            (Some(_), Outcome::Complete) if !progress.missed() => (PullStatus::Ok, None),
            (_, Outcome::Cut) => (PullStatus::Error, Some(asked.given_up(time))),
            _ => (PullStatus::Unknown, None),
        }
    }
}

/// Something was removed. The kubelet does not ask the engine.
fn removed(resource: Resource, asked: &Asked, context: &Context) {
    context.outbox.push(Fact::Reclaimed { runtime: asked.target, resource, remover: asked.remover() });
}
