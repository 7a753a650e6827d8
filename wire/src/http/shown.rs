//! Facts in short, for tests: the exchange first, times behind `@`.

use super::Fact;

pub fn short(fact: &Fact) -> String {
    match fact {
        Fact::Request { exchange, head, time, .. } => {
            format!("{exchange} {} {} @{time}", head.method.as_str(), head.target.as_str())
        }
        Fact::Response { exchange, head, time } => format!("{exchange} {} @{time}", head.code),
        Fact::RequestBody { exchange, bytes } => format!("{exchange} sent {bytes}"),
        Fact::Body { exchange, bytes } => format!("{exchange} body {bytes}"),
        Fact::End { exchange, time, outcome, exact } => {
            let exact = if *exact { "" } else { " inexact" };
            format!("{exchange} {outcome:?}{exact} @{time}")
        }
        Fact::Upgraded { exchange } => format!("{exchange} upgraded"),
        Fact::Unparsed { reason } => reason.as_str().to_owned(),
    }
}
