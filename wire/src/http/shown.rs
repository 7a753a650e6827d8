//! Facts in short, for tests: the exchange first, times behind `@`.

use super::Fact;

/// The facts in short, without what the bodies hold.
pub fn lines(facts: impl IntoIterator<Item = Fact>) -> String {
    let told = facts.into_iter().filter(|fact| !matches!(fact, Fact::Content { .. }));
    told.map(|fact| short(&fact)).collect::<Vec<_>>().join(", ")
}

/// What the bodies hold, in short.
pub fn contents(facts: impl IntoIterator<Item = Fact>) -> String {
    let told = facts.into_iter().filter(|fact| matches!(fact, Fact::Content { .. }));
    told.map(|fact| short(&fact)).collect::<Vec<_>>().join(", ")
}

fn short(fact: &Fact) -> String {
    match fact {
        Fact::Request { exchange, head, time, .. } => {
            format!("{exchange} {} {} @{time}", head.method.as_str(), head.target.as_str())
        }
        Fact::Response { exchange, head, time } => format!("{exchange} {} @{time}", head.code),
        Fact::Unnamed { exchange, time, .. } => format!("{exchange} unnamed @{time}"),
        Fact::Content { exchange, response, gap, bytes } => {
            let (side, gap) = (if *response { "got" } else { "gave" }, if *gap { "..." } else { "" });
            format!("{exchange} {side} {gap}{}", String::from_utf8_lossy(&bytes.0).escape_debug())
        }
        Fact::Trailers { exchange, trailers } => {
            let status = trailers.status.map_or("no status", |status| status.as_str());
            format!("{exchange} trailers {status}")
        }
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
