//! A rule in plain English, for who has written it.

use std::fmt::Write;

use crate::model::pull::record::Trigger;

use super::pattern::REPLY;
use super::rule::{Bound, During, Each, Feeds, Good, Listing, Point, ReplyIs, Rule, Side, Source, Span};

/// What the rule counts, and when, in one line.
pub fn rule(rule: &Rule) -> String {
    let mut text = match &rule.feeds {
        Feeds::Operation { operation, kind } => format!("operation `{operation}`, kind {}", source(kind)),
        Feeds::Work { queue } => format!("work, queue {}", source(queue)),
    };
    let _ = write!(text, ": {}", span(&rule.span));
    if let Some(within) = &rule.within {
        let _ = write!(text, "; only while `{within}` goes on in the same process");
    }
    if !rule.ok.is_empty() {
        let good: Vec<String> = rule.ok.iter().map(good).collect();
        let _ = write!(text, "; good with {}", good.join(", "));
    }
    let longest = humantime::format_duration(std::time::Duration::from_nanos(rule.longest));
    let _ = write!(text, "; given up after {longest}");
    text
}

/// Why processes pull, as it is written.
pub fn trigger(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Execution => "execution",
        Trigger::Warmup => "warmup",
        Trigger::Unknown => "unknown",
    }
}

fn source(source: &Source) -> String {
    match source {
        Source::Fixed(text) => format!("`{text}`"),
        Source::Captured { capture, bound, listing } => {
            let of = if let Some(Listing { command, item }) = listing {
                format!("{{{capture}}} of the `{command}` that last listed {{{item}}}")
            } else if &**capture == REPLY {
                "the reply's first text".to_owned()
            } else {
                format!("{{{capture}}}")
            };
            match bound {
                Bound::Most(most) => format!("from {of} (at most {most} values)"),
                Bound::Listed(values) => format!("from {of} ({})", values.join(", ")),
            }
        }
    }
}

fn span(span: &Span) -> String {
    match span {
        Span::During(during) => match during {
            During::Exchange(Side::Served, pattern) => {
                format!("from a served request `{pattern}` to the end of its answer")
            }
            During::Exchange(Side::Asked, pattern) => {
                format!("from a request `{pattern}` of its own to the end of the answer")
            }
            During::Call(pattern) => format!("from the Redis command `{pattern}` to its reply"),
            During::Connect(pattern) => format!("from a connect to `{pattern}` to its success or failure"),
            During::Process => "from exec to exit of the process".to_owned(),
        },
        Span::Between { from, to, quiet, also, failed, each } => {
            let mut text = format!("begins with {}", point(from));
            if !to.is_empty() {
                let _ = write!(text, ", ends with {}", list(to).join(", or "));
            }
            if let Some(quiet) = quiet {
                let quiet = humantime::format_duration(std::time::Duration::from_nanos(*quiet));
                let all: Vec<String> = std::iter::once(point(from)).chain(list(also)).collect();
                let _ = write!(text, ", ends after {quiet} without any of {}", all.join(", "));
            }
            if !failed.is_empty() {
                let _ = write!(text, ", has failed with {}", list(failed).join(", or "));
            }
            let each = match each {
                Each::Thread => "one at a time in each thread",
                Each::Connection => "one at a time on each connection",
                Each::Process => "one at a time in each process",
                Each::Pool => {
                    "many at a time in a process, an end is taken for that of the oldest (an estimate)"
                }
            };
            let _ = write!(text, "; {each}");
            text
        }
    }
}

fn list(points: &[Point]) -> Vec<String> {
    points.iter().map(point).collect()
}

fn point(point: &Point) -> String {
    match point {
        Point::Command(pattern) => format!("the Redis command `{pattern}`"),
        Point::Reply(pattern, is) => {
            let is = match is {
                ReplyIs::Any => "a reply",
                ReplyIs::Item => "an item in reply",
                ReplyIs::Nothing => "nothing in reply",
                ReplyIs::Error => "an error in reply",
            };
            format!("{is} to `{pattern}`")
        }
        Point::Request(Side::Served, pattern) => format!("a served request `{pattern}`"),
        Point::Request(Side::Asked, pattern) => format!("a request `{pattern}` of its own"),
        Point::Answer(Side::Served, pattern) => format!("its answer to `{pattern}`"),
        Point::Answer(Side::Asked, pattern) => format!("the answer to its request `{pattern}`"),
    }
}

fn good(good: &Good) -> String {
    match good {
        Good::Code(code) => code.to_string(),
        Good::Class(class) => format!("{class}xx"),
        Good::Text(text) => format!("`{text}`"),
    }
}
