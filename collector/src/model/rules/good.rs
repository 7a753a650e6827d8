//! Which ends are good ones.

use wire::http::Outcome;
use wire::redis::Reply;

use crate::model::event::Ending;
use crate::model::fact::Completion;
use crate::recipes::rule::{Good, ReplyIs};

/// How an exchange ended.
pub(super) fn of_exchange(ok: &[Good], code: Option<u16>, outcome: Outcome) -> Completion {
    match (code, outcome) {
        (_, Outcome::Unknown) => Completion::Unknown,
        (Some(code), Outcome::Complete) => {
            let usual = ok.is_empty() && code < 400;
            completion(usual || ok.iter().any(|good| fits_code(good, code)))
        }
        (_, Outcome::Cut) | (None, _) => Completion::Error,
    }
}

/// How a command ended.
pub(super) fn of_reply(ok: &[Good], reply: &Reply) -> Completion {
    let usual = ok.is_empty() && !matches!(reply, Reply::Error(_));
    let text = text(reply);
    let fits = |good: &Good| matches!(good, Good::Text(wanted) if text.as_deref() == Some(&**wanted));
    completion(usual || ok.iter().any(fits))
}

/// How a process ended, or what was going on in it.
pub(super) fn of_process(ok: &[Good], how: &Ending) -> Completion {
    match how {
        Ending::Exited(status) => {
            let usual = ok.is_empty() && *status == 0;
            completion(usual || ok.contains(&Good::Code(u16::from(*status))))
        }
        Ending::Killed(_) => Completion::Error,
        Ending::Became(_) | Ending::Unknown => Completion::Unknown,
    }
}

/// Whether a reply is what a point asks for.
pub(super) fn is(reply: &Reply, wanted: ReplyIs) -> bool {
    let nothing = matches!(reply, Reply::Nil | Reply::Array { count: 0, .. });
    let error = matches!(reply, Reply::Error(_));
    match wanted {
        ReplyIs::Any => true,
        ReplyIs::Item => !nothing && !error,
        ReplyIs::Nothing => nothing,
        ReplyIs::Error => error,
    }
}

/// The first text of a reply.
pub(super) fn text(reply: &Reply) -> Option<String> {
    match reply {
        Reply::Nil => Some("nil".to_owned()),
        Reply::Status(text) | Reply::Error(text) => Some(text.clone()),
        Reply::Integer(number) => Some(number.to_string()),
        Reply::Text(text) => text.clone(),
        Reply::Array { texts, .. } => texts.first().cloned().flatten(),
        Reply::Other => None,
    }
}

fn completion(good: bool) -> Completion {
    if good { Completion::Ok } else { Completion::Error }
}

fn fits_code(good: &Good, code: u16) -> bool {
    match good {
        Good::Code(wanted) => *wanted == code,
        Good::Class(first) => *first == code / 100,
        Good::Text(_) => false,
    }
}
