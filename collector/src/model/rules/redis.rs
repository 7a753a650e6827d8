//! Redis commands and their replies against the rules.

use std::sync::Arc;

use wire::redis::{Command, Reply};

use super::doing::Doing;
use super::{Actor, Rules, good};
use crate::model::fact::Completion;
use crate::recipes::pattern::CommandPattern;
use crate::recipes::rule::{During, Point, Rule, Source, Span};

/// A command that a rule looks at, until its reply is there.
pub(in crate::model) struct Call {
    doing: Vec<(usize, Doing)>,
    command: Command,
}

impl Call {
    /// The connection ended without a reply.
    pub fn cut(self, time: u64) {
        for (_, doing) in self.doing {
            doing.end(Completion::Error, time);
        }
    }
}

impl Rules {
    /// A command was sent. Gives what to keep until its reply.
    pub fn command(&mut self, actor: &Actor, command: Command, time: u64) -> Option<Call> {
        let rules = self.of(actor.target)?;
        let words = words(&command);
        let fits = |pattern: &'_ CommandPattern| pattern.matches(&words, command.count).is_some();
        if !rules.iter().any(|rule| patterns(rule).any(fits)) {
            return None;
        }
        let count = command.count;
        let doing = self.during(
            actor,
            &rules,
            |during| match during {
                During::Call(pattern) => pattern.matches(&words, count),
                _ => None,
            },
            time,
        );
        self.at(
            actor,
            &rules,
            |point| match point {
                Point::Command(pattern) => pattern.matches(&words, count),
                _ => None,
            },
            None,
            time,
        );
        drop(words);
        Some(Call { doing, command })
    }

    /// Its reply is there.
    pub fn replied(&mut self, actor: &Actor, call: Call, reply: &Reply, time: u64) {
        let Some(rules) = self.of(actor.target) else { return };
        let Call { doing, command } = call;
        for (number, doing) in doing {
            let ok = rules.get(number).map_or(&[][..], |rule| &rule.ok);
            doing.end(good::of_reply(ok, reply), time);
        }
        let words = words(&command);
        let text = good::text(reply);
        let replied = |point| match point {
            &Point::Reply(ref pattern, wanted) if good::is(reply, wanted) => {
                pattern.matches(&words, command.count)
            }
            _ => None,
        };
        self.at(actor, &rules, replied, text.as_deref(), time);
        if let Reply::Array { texts, .. } = reply {
            self.lists(actor, &rules, (&words, command.count), texts);
        }
    }

    /// A reply lists texts: what the rules that look at it captured of its command is told of each of them.
    fn lists(
        &mut self,
        actor: &Actor,
        rules: &[Rule],
        (words, count): (&[Option<&str>], usize),
        texts: &[Option<String>],
    ) {
        for (number, rule) in rules.iter().enumerate() {
            let Source::Captured { capture, listing: Some(listing), .. } = rule.feeds.source() else {
                continue;
            };
            let Some(captures) = listing.command.matches(words, count) else { continue };
            let Some((_, told)) = captures.into_iter().find(|(name, _)| *name == &**capture) else {
                continue;
            };
            let told: Arc<str> = told.into();
            let process = self.processes.entry(actor.pid).or_default();
            for text in texts.iter().flatten() {
                process.list(number, self.hashes.id(text), &told);
            }
        }
    }
}

/// Every pattern of commands that a rule has.
fn patterns(rule: &Rule) -> impl Iterator<Item = &CommandPattern> {
    let call = match &rule.span {
        Span::During(During::Call(pattern)) => Some(pattern),
        _ => None,
    };
    let points = rule.span.points().filter_map(|point| match point {
        Point::Command(pattern) | Point::Reply(pattern, _) => Some(pattern),
        _ => None,
    });
    let listing = rule.feeds.listing().map(|listing| &listing.command);
    call.into_iter().chain(points).chain(listing)
}

fn words(command: &Command) -> Vec<Option<&str>> {
    command.words.iter().map(Option::as_deref).collect()
}
