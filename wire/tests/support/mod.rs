//! Shared by the tests, the fuzz target and the benches of `http1`: recorded calls and the rules that every run of a
//! connection obeys.

mod ops;

use std::collections::BTreeMap;

use wire::http::{Content, Fact, Framing, Outcome};
use wire::http1::Connection;

pub use ops::{Op, decode};

/// The facts of a recording ([`ops::replay`]). Every rule is checked after every call.
pub fn run(mut connection: Connection, ops: &[Op], split: usize) -> Vec<Fact> {
    let mut rules = Rules::default();
    let facts = ops::replay(&mut connection, ops, split, |connection, facts| rules.check(connection, facts));
    assert_eq!(connection.in_flight(), 0, "an exchange outlived its connection");
    assert_eq!(connection.buffered(), 0, "a closed connection keeps bytes");
    facts
}

/// The facts with adjacent increments of the same kind added up: how they are cut depends on how bytes were given. What the
/// bodies hold stands behind all others, in one piece for each.
pub fn merged(facts: &[Fact]) -> Vec<Fact> {
    let mut merged: Vec<Fact> = Vec::new();
    let mut contents: BTreeMap<(u32, bool), (bool, Vec<u8>)> = BTreeMap::new();
    for fact in facts {
        match (merged.last_mut(), fact) {
            (_, Fact::Content { exchange, response, gap, bytes }) => {
                let (gaps, content) = contents.entry((*exchange, *response)).or_default();
                *gaps |= gap;
                content.extend_from_slice(&bytes.0);
            }
            (Some(Fact::Body { exchange: e, bytes }), Fact::Body { exchange, bytes: more })
            | (Some(Fact::RequestBody { exchange: e, bytes }), Fact::RequestBody { exchange, bytes: more })
                if e == exchange =>
            {
                *bytes += more;
            }
            _ => merged.push(fact.clone()),
        }
    }
    merged.extend(contents.into_iter().map(|((exchange, response), (gap, bytes))| Fact::Content {
        exchange,
        response,
        gap,
        bytes: Content(bytes),
    }));
    merged
}

#[derive(Default)]
struct Exchange {
    framing: Option<Framing>,
    body: u64,
    ended: bool,
}

/// What holds whatever the bytes are.
#[derive(Default)]
struct Rules {
    checked: usize,
    exchanges: Vec<Exchange>,
}

impl Rules {
    fn check(&mut self, connection: &Connection, facts: &[Fact]) {
        for fact in &facts[self.checked..] {
            self.apply(fact);
        }
        self.checked = facts.len();
        let open = self.exchanges.iter().filter(|e| !e.ended).count();
        assert_eq!(connection.in_flight(), open);
        assert!(open <= 32, "{open} requests in flight");
        // A head of 64 KiB in each direction; the bytes of a response that waits for its request are fewer.
        assert!(connection.buffered() <= 2 * 64 * 1024, "{} bytes kept", connection.buffered());
    }

    fn apply(&mut self, fact: &Fact) {
        match *fact {
            Fact::Request { exchange, .. } => {
                assert_eq!(exchange as usize, self.exchanges.len(), "numbers count up");
                self.exchanges.push(Exchange::default());
            }
            Fact::Response { exchange, ref head, .. } => {
                let exchange = self.open(exchange);
                assert_eq!(exchange.framing.replace(head.framing), None, "a second response");
                assert!((100..1000).contains(&head.code));
            }
            Fact::Content { exchange, response, ref bytes, .. } => {
                assert!(!bytes.0.is_empty());
                let exchange = self.open(exchange);
                assert!(!response || exchange.framing.is_some(), "content without a response");
            }
            Fact::Unnamed { .. } | Fact::Trailers { .. } => panic!("HTTP/1 has none"),
            Fact::RequestBody { exchange, bytes } => {
                assert!(bytes > 0);
                self.open(exchange);
            }
            Fact::Body { exchange, bytes } => {
                assert!(bytes > 0);
                let exchange = self.open(exchange);
                exchange.body += bytes;
                match exchange.framing.expect("a body without a response") {
                    Framing::None => panic!("a body where there is none"),
                    Framing::Length(length) => assert!(exchange.body <= length, "a body past its end"),
                    Framing::Chunked | Framing::UntilClose => {}
                }
            }
            Fact::End { exchange, outcome, exact, .. } => {
                let exchange = self.open(exchange);
                exchange.ended = true;
                match exchange.framing {
                    None => assert_ne!(outcome, Outcome::Complete, "complete without a response"),
                    Some(Framing::Length(length)) if outcome == Outcome::Complete => {
                        assert_eq!(exchange.body, length, "complete before its end");
                    }
                    Some(Framing::Chunked) => {}
                    Some(_) => assert!(exact, "only chunks can make a count inexact"),
                }
            }
            Fact::Upgraded { exchange } => assert!(self.exchanges[exchange as usize].ended),
            Fact::Unparsed { .. } => {}
        }
    }

    fn open(&mut self, exchange: u32) -> &mut Exchange {
        let exchange = &mut self.exchanges[exchange as usize];
        assert!(!exchange.ended, "a fact after the end");
        exchange
    }
}
