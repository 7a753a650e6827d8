//! Values of labels, as few as the recipe allows.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::doing::Label;
use crate::model::event::TargetId;
use crate::model::fact::{Fact, Operation, Work};
use crate::model::outbox::Outbox;
use crate::recipes::pattern::{Captures, REPLY};
use crate::recipes::rule::{Bound, Each, Feeds, Rule, Source, Span};

/// Longest value in bytes.
const MAX_VALUE: usize = 64;

/// What was captured, the reply's first text with it.
pub(super) struct Captured<'a> {
    pub captures: &'a Captures<'a, 'a>,
    pub reply: Option<&'a str>,
}

impl Captured<'_> {
    pub fn get(&self, name: &str) -> Option<&str> {
        let own = self.captures.iter().find(|(capture, _)| *capture == name).map(|(_, text)| *text);
        own.or_else(|| self.reply.filter(|_| name == REPLY))
    }
}

/// The values that were met, of rules that allow the first so many.
#[derive(Default)]
pub(super) struct Values(HashMap<(TargetId, usize), BTreeSet<Arc<str>>>);

impl Values {
    /// The label of what begins by the rule of that number; `text` is what the recipe takes its value from.
    pub fn label(
        &mut self,
        process: TargetId,
        (number, rule): (usize, &Rule),
        text: Option<&str>,
        outbox: &Outbox,
    ) -> Label {
        let metric = match &rule.feeds {
            Feeds::Operation { .. } => "operation_duration_seconds",
            Feeds::Work { .. } => "work_total",
        };
        let value = self.value((process, number), rule.feeds.source(), text, || {
            outbox.push(Fact::ValueDropped { metric });
        });
        match &rule.feeds {
            Feeds::Operation { operation, .. } => {
                Label::Operation(Operation { process, operation: operation.clone(), kind: value })
            }
            Feeds::Work { .. } => {
                let estimated = matches!(&rule.span, Span::Between { each: Each::Pool, .. });
                Label::Work(Work { process, queue: value, exact: !estimated })
            }
        }
    }

    fn value(
        &mut self,
        rule: (TargetId, usize),
        source: &Source,
        text: Option<&str>,
        dropped: impl Fn(),
    ) -> Arc<str> {
        let bound = match source {
            Source::Fixed(value) => return value.clone(),
            Source::Captured { bound, .. } => bound,
        };
        let Some(text) = text.filter(|text| is_value(text)) else {
            return Source::UNKNOWN.into();
        };
        match bound {
            Bound::Listed(values) => {
                let listed = values.iter().find(|value| ***value == *text);
                listed.map_or_else(|| Source::OTHER.into(), Arc::clone)
            }
            Bound::Most(most) => {
                let met = self.0.entry(rule).or_default();
                if let Some(value) = met.get(text) {
                    return value.clone();
                }
                if met.len() >= *most {
                    dropped();
                    return Source::OTHER.into();
                }
                let value: Arc<str> = text.into();
                met.insert(value.clone());
                value
            }
        }
    }
}

/// What the rule's own patterns captured for its label. An end that names it is that of a begin that did.
pub(super) fn text<'a>(rule: &Rule, captured: &'a Captured<'_>) -> Option<&'a str> {
    match rule.feeds.source() {
        Source::Captured { capture, listing: None, .. } => captured.get(capture),
        Source::Captured { .. } | Source::Fixed(_) => None,
    }
}

fn is_value(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_VALUE && !text.chars().any(char::is_control)
}
