//! Shared by the tests and the fuzz target of `redis`: the rules that every run of a connection obeys, and facts as text.

#[path = "ops.rs"]
mod ops;

use std::collections::BTreeSet;

use wire::http::Role;
use wire::redis::{Connection, Fact, Reply};

pub use ops::{Op, decode};

/// The facts of a recording ([`ops::replay`]). Every rule is checked after every call.
pub fn run(mut connection: Connection, ops: &[Op], split: usize) -> Vec<Fact> {
    let mut rules = Rules::default();
    let facts = ops::replay(&mut connection, ops, split, |connection, facts| rules.check(connection, facts));
    assert!(!connection.in_progress(), "a command outlived its connection");
    facts
}

/// What holds whatever the bytes are.
#[derive(Default)]
struct Rules {
    checked: usize,
    role: Option<Role>,
    commands: u32,
    open: BTreeSet<u32>,
}

impl Rules {
    fn check(&mut self, connection: &Connection, facts: &[Fact]) {
        for fact in &facts[self.checked..] {
            self.apply(fact);
        }
        self.checked = facts.len();
        assert_eq!(connection.in_progress(), !self.open.is_empty());
        assert!(self.open.len() <= 4096, "{} commands wait", self.open.len());
        assert!(self.role.is_none() || connection.role() == self.role);
    }

    fn apply(&mut self, fact: &Fact) {
        match fact {
            Fact::Command { number, role, command, .. } => {
                assert_eq!(*number, self.commands, "numbers count up");
                self.commands += 1;
                self.open.insert(*number);
                assert_eq!(*self.role.get_or_insert(*role), *role, "it changes sides");
                assert!(!command.words.is_empty() && command.words.len() <= command.count.min(8));
                check_texts(&command.words);
            }
            Fact::Reply { number, reply, .. } => {
                assert!(self.open.remove(number), "a reply to what does not wait");
                match reply {
                    Reply::Status(text) | Reply::Error(text) => assert!(text.len() <= 64),
                    Reply::Text(text) => check_texts(std::slice::from_ref(text)),
                    Reply::Array { count, texts } => {
                        assert!(texts.is_empty() || texts.len() == *count.min(&64));
                        check_texts(texts);
                    }
                    Reply::Nil | Reply::Integer(_) | Reply::Other => {}
                }
            }
            Fact::Unanswered { number, .. } => {
                assert!(self.open.remove(number), "the end of what does not wait");
            }
            Fact::Unparsed { .. } => {}
        }
    }
}

fn check_texts(texts: &[Option<String>]) {
    assert!(texts.iter().flatten().all(|text| text.len() <= 64));
}

/// The commands of a run with their replies, one to a line: in the order of the commands, reasons behind them.
pub fn text(facts: &[Fact]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut reasons = Vec::new();
    for fact in facts {
        match fact {
            Fact::Command { command, .. } => {
                let more = if command.words.len() < command.count { " .." } else { "" };
                lines.push(format!("{}{more}", words(&command.words, " ")));
            }
            Fact::Reply { number, reply, .. } => {
                let line = &mut lines[*number as usize];
                *line = format!("{line} = {}", reply_text(reply));
            }
            Fact::Unanswered { number, closed, .. } => {
                let line = &mut lines[*number as usize];
                *line = format!("{line} = {}", if *closed { "closed" } else { "?" });
            }
            Fact::Unparsed { reason } => reasons.push(reason.as_str().to_owned()),
        }
    }
    lines.extend(reasons);
    lines
}

/// A reply.
pub fn reply_text(reply: &Reply) -> String {
    match reply {
        Reply::Nil => "nil".into(),
        Reply::Status(text) => format!("+{text}"),
        Reply::Error(word) => format!("-{word}"),
        Reply::Integer(number) => number.to_string(),
        Reply::Text(text) => words(std::slice::from_ref(text), ""),
        Reply::Array { count, texts } => {
            let more = if texts.len() < *count { format!(",..{count}") } else { String::new() };
            format!("[{}{more}]", words(texts, ","))
        }
        Reply::Other => "other".into(),
    }
}

fn words(words: &[Option<String>], between: &str) -> String {
    words.iter().map(|word| word.as_deref().unwrap_or("~")).collect::<Vec<_>>().join(between)
}
