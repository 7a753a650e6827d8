//! Conversations made up by a generator, which knows what must come out: each command carries a number, and so does its reply. They
//! pass a kernel that captures only the start of each span and loses events.

use std::collections::HashMap;

use crate::support::{reply_text, text};
use proptest::collection::vec;
use proptest::prelude::*;
use wire::Decoder as _;
use wire::http::{Direction, Role};
use wire::redis::{Connection, Fact};

/// What a reply is, besides its number.
#[derive(Clone, Copy, Debug)]
enum Shape {
    Text,
    Status,
    Integer,
    Error,
    /// An array, the second element of which has so many bytes.
    Array(usize),
    /// A transaction of two commands.
    Transaction,
    /// A command with a word and a reply of so many bytes; its number is in no text.
    Long(usize),
    /// `BLPOP`, with an item of so many bytes.
    Pop(usize),
}

impl Shape {
    /// The commands of number `id`, and the reply to each as it must come out.
    fn commands(self, id: usize) -> Vec<(Vec<String>, String)> {
        let call = |name: &str, more: &[&str], reply: String| {
            let mut words = vec![name.to_owned(), format!("id{id}")];
            words.extend(more.iter().map(|&word| word.to_owned()));
            (words, reply)
        };
        match self {
            Self::Text => vec![call("GET", &[], format!("r{id}"))],
            Self::Status => vec![call("FCALL", &["1", "k"], format!("+r{id}"))],
            Self::Integer => vec![call("HSET", &["a", "b"], id.to_string())],
            Self::Error => vec![call("LPUSH", &["x"], format!("-R{id}"))],
            Self::Array(length) => {
                vec![call("LRANGE", &["0", "-1"], format!("[r{id},{}]", kept(length)))]
            }
            Self::Transaction => vec![
                (vec!["multi".into()], "+OK".into()),
                call("GET", &["in"], format!("r{id}")),
                call("INCR", &["in"], id.to_string()),
                (vec!["exec".into()], format!("[r{id},~]")),
            ],
            Self::Long(length) => vec![call("SET", &[&long(length)], kept(length))],
            Self::Pop(length) => {
                let words = vec!["BLPOP".into(), format!("id{id}"), "other".into(), "0".into()];
                vec![(words, format!("[id{id},{}]", kept(length)))]
            }
        }
    }

    fn reply(self, id: usize, bytes: &mut Vec<u8>) {
        let bulk = |length: usize| format!("${length}\r\n{}\r\n", long(length));
        bytes.extend(
            match self {
                Self::Text => format!("${}\r\nr{id}\r\n", 1 + id.to_string().len()),
                Self::Status => format!("+r{id}\r\n"),
                Self::Integer => format!(":{id}\r\n"),
                Self::Error => format!("-R{id} is wrong\r\n"),
                Self::Array(length) => format!("*2\r\n+r{id}\r\n{}", bulk(length)),
                Self::Transaction => {
                    format!(
                        "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n${}\r\nr{id}\r\n:{id}\r\n",
                        1 + id.to_string().len()
                    )
                }
                Self::Long(length) => bulk(length),
                Self::Pop(length) => {
                    format!("*2\r\n${}\r\nid{id}\r\n{}", 2 + id.to_string().len(), bulk(length))
                }
            }
            .into_bytes(),
        );
    }
}

fn long(length: usize) -> String {
    // It looks like commands and replies.
    "*1\r\n$4\r\nPING\r\n:1\r\n+OK\r\n".chars().cycle().take(length).collect()
}

fn kept(length: usize) -> String {
    if length > 64 { "~".into() } else { long(length) }
}

fn command(words: &[String]) -> Vec<u8> {
    let strings: Vec<String> = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len())).collect();
    format!("*{}\r\n{}", words.len(), strings.concat()).into_bytes()
}

fn shape() -> impl Strategy<Value = Shape> {
    let length = prop_oneof![0..80_usize, 0..9000_usize];
    (0..8, length).prop_map(|(kind, length)| match kind {
        0 => Shape::Text,
        1 => Shape::Status,
        2 => Shape::Integer,
        3 => Shape::Error,
        4 => Shape::Array(length),
        5 => Shape::Transaction,
        6 => Shape::Long(length),
        _ => Shape::Pop(length),
    })
}

/// One read or write.
#[derive(Clone, Debug)]
struct Io {
    way: Direction,
    bytes: Vec<u8>,
}

/// A conversation: what passes, and what must come out.
#[derive(Debug, Default)]
struct Talk {
    ios: Vec<Io>,
    expected: Vec<(Vec<String>, String)>,
}

impl Talk {
    fn pass(&mut self, way: Direction, bytes: &[u8], cut: usize) {
        self.ios.extend(bytes.chunks(cut).map(|piece| Io { way, bytes: piece.to_vec() }));
    }

    /// A client that waits for all replies of a pipeline before it sends the next.
    fn waiting(pipelines: &[Vec<Shape>], cut: usize) -> Self {
        let mut talk = Self::default();
        let mut id = 1000;
        for pipeline in pipelines {
            let (mut sent, mut received) = (Vec::new(), Vec::new());
            for shape in pipeline {
                let commands = shape.commands(id);
                sent.extend(commands.iter().flat_map(|(words, _)| command(words)));
                shape.reply(id, &mut received);
                talk.expected.extend(commands);
                id += 1;
            }
            talk.pass(Direction::Sent, &sent, cut);
            talk.pass(Direction::Received, &received, cut);
        }
        talk
    }

    /// One that never waits: `ahead` commands are always under way.
    fn overlapping(shapes: &[Shape], ahead: usize) -> Self {
        let mut talk = Self::default();
        for at in 0..shapes.len() + ahead {
            if let Some(shape) = shapes.get(at) {
                let commands = shape.commands(1000 + at);
                let sent: Vec<u8> = commands.iter().flat_map(|(words, _)| command(words)).collect();
                talk.pass(Direction::Sent, &sent, usize::MAX);
                talk.expected.extend(commands);
            }
            if let Some(answered) = at.checked_sub(ahead) {
                let mut received = Vec::new();
                shapes[answered].reply(1000 + answered, &mut received);
                talk.pass(Direction::Received, &received, usize::MAX);
            }
        }
        talk
    }

    /// As the process sees it. That it serves is known once it has answered.
    fn seen_by(mut self, role: Role) -> Self {
        if role == Role::Server {
            let asked = Io { way: Direction::Sent, bytes: command(&["PING".into()]) };
            let answered = Io { way: Direction::Received, bytes: b"+PONG\r\n".to_vec() };
            self.ios.splice(0..0, [asked, answered]);
            self.expected.insert(0, (vec!["PING".into()], "+PONG".into()));
            for io in &mut self.ios {
                io.way = io.way.opposite();
            }
        }
        self
    }
}

/// What the kernel side tells of it: the first `budget` bytes of each span, without the events whose numbers are in `lost`, from
/// read or write number `joined` on.
fn told(talk: &Talk, budget: usize, lost: &[usize], joined: usize) -> Vec<Fact> {
    let mut connection = if joined == 0 { Connection::opened() } else { Connection::new() };
    let mut positions = HashMap::from([(Direction::Sent, 0_u64), (Direction::Received, 0)]);
    let mut facts = Vec::new();
    let (mut span, mut left) = (None, 0);
    for (number, Io { way, bytes }) in talk.ios.iter().enumerate() {
        let start = positions[way];
        *positions.get_mut(way).unwrap() += bytes.len() as u64;
        if number < joined {
            continue;
        }
        if span.replace(*way) != Some(*way) {
            left = budget;
        }
        let captured = left.min(bytes.len());
        left = if captured < bytes.len() { 0 } else { left - captured };
        if captured == 0 || lost.contains(&number) {
            continue;
        }
        let time = number as u64;
        connection.advanced(way.opposite(), positions[&way.opposite()], time, &mut facts);
        connection.data(*way, start, &bytes[..captured], time, &mut facts);
        connection.advanced(*way, positions[way], time, &mut facts);
    }
    for (way, position) in positions {
        connection.advanced(way, position, u64::MAX, &mut facts);
    }
    connection.closed(u64::MAX, &mut facts);
    facts
}

/// Commands and replies that were told are those that passed, and belong to each other. Returns how many replies were told.
fn check(talk: &Talk, facts: &[Fact]) -> Result<usize, TestCaseError> {
    let mut by_id: HashMap<(&str, &str), &str> = HashMap::new();
    for (words, reply) in &talk.expected {
        if let [name, id, ..] = &words[..] {
            by_id.insert((name, id), reply);
        }
    }
    let mut names = HashMap::new();
    let mut told = 0;
    for fact in facts {
        match fact {
            Fact::Command { number, command, .. } => {
                let word = |at: usize| command.words.get(at).and_then(Option::as_deref);
                let known = by_id.get(&(word(0).unwrap_or_default(), word(1).unwrap_or_default()));
                prop_assert!(
                    command.count == 1 || word(1).is_none() || known.is_some(),
                    "{:?}",
                    command.words
                );
                names.insert(*number, known.copied());
            }
            Fact::Reply { number, reply, .. } => {
                told += 1;
                if let Some(expected) = names[number] {
                    // Texts in which there was a hole are not known.
                    let text = reply_text(reply);
                    let same = text == expected || text.contains('~') && fits(&text, expected);
                    prop_assert!(same, "{} for {}", text, expected);
                }
            }
            Fact::Unanswered { .. } | Fact::Unparsed { .. } => {}
        }
    }
    Ok(told)
}

/// Whether `text` is `expected` with some of its texts unknown.
fn fits(text: &str, expected: &str) -> bool {
    let parts = |text: &str| -> Vec<String> {
        text.trim_matches(['[', ']']).splitn(2, ',').map(str::to_owned).collect()
    };
    let (text, expected) = (parts(text), parts(expected));
    text.len() == expected.len()
        && text.iter().zip(&expected).all(|(text, expected)| text == "~" || text == expected)
}

fn lines(talk: &Talk) -> Vec<String> {
    talk.expected
        .iter()
        .map(|(words, reply)| {
            let words: Vec<&str> =
                words.iter().map(|word| if word.len() > 64 { "~" } else { word }).collect();
            format!("{} = {reply}", words.join(" "))
        })
        .collect()
}

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::Client), Just(Role::Server)]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_conversation_comes_out_whole(
        pipelines in vec(vec(shape(), 1..6), 1..6),
        cut in prop_oneof![1..40_usize, Just(4096_usize), Just(usize::MAX)],
        role in role(),
    ) {
        let talk = Talk::waiting(&pipelines, cut).seen_by(role);
        prop_assert_eq!(text(&told(&talk, usize::MAX, &[], 0)), lines(&talk));
    }

    #[test]
    fn a_client_that_does_not_wait_is_followed(
        shapes in vec(shape(), 1..30),
        ahead in 1..5_usize,
        role in role(),
        early in any::<bool>(),
    ) {
        let mut talk = Talk::overlapping(&shapes, ahead).seen_by(role);
        if early && role == Role::Client {
            // Each reply is reported before the write that was before it.
            let mut at = 1;
            while at < talk.ios.len() {
                if talk.ios[at].way == Direction::Received && talk.ios[at - 1].way == Direction::Sent {
                    talk.ios.swap(at - 1, at);
                    at += 1;
                }
                at += 1;
            }
        }
        prop_assert_eq!(text(&told(&talk, usize::MAX, &[], 0)), lines(&talk));
    }

    #[test]
    fn what_is_not_captured_pairs_nothing_wrongly(
        pipelines in vec(vec(shape(), 1..8), 1..12),
        cut in prop_oneof![20..400_usize, Just(usize::MAX)],
        budget in prop_oneof![20..600_usize, Just(4096_usize), Just(usize::MAX)],
        lost in vec(any::<prop::sample::Index>(), 0..4),
        joined in prop_oneof![Just(None), any::<prop::sample::Index>().prop_map(Some)],
    ) {
        let talk = Talk::waiting(&pipelines, cut);
        let lost: Vec<usize> = lost.iter().map(|lost| lost.index(talk.ios.len())).collect();
        let joined = joined.map_or(0, |joined| joined.index(talk.ios.len()));
        check(&talk, &told(&talk, budget, &lost, joined))?;
    }

    #[test]
    fn who_joins_late_knows_all_after_the_next_turns(
        pipelines in vec(vec(shape(), 1..4), 4..12),
        joined in any::<prop::sample::Index>(),
    ) {
        let talk = Talk::waiting(&pipelines, usize::MAX);
        let joined = joined.index(talk.ios.len());
        let told = check(&talk, &told(&talk, usize::MAX, &[], joined))?;
        // The first command may need the reply to it to be known for one, and its own reply is not believed.
        let after: usize = pipelines.iter().skip(joined / 2 + 1).map(|pipeline| {
            pipeline.iter().map(|shape| shape.commands(0).len()).sum::<usize>()
        }).sum();
        prop_assert!(told >= after, "{} of {}", told, after);
    }

    #[test]
    fn who_does_not_wait_is_not_believed_after_a_loss(
        shapes in vec(shape(), 6..30),
        ahead in 2..5_usize,
        budget in prop_oneof![400..1500_usize, Just(usize::MAX)],
        lost in vec(any::<prop::sample::Index>(), 1..4),
    ) {
        let talk = Talk::overlapping(&shapes, ahead);
        // It has shown that it does not wait before anything is lost.
        let first = ahead + 3;
        let lost: Vec<usize> = lost.iter().map(|lost| first + lost.index(talk.ios.len() - first)).collect();
        let whole = talk.ios[..first].iter().map(|io| io.bytes.len()).sum();
        let budget = budget.max(whole);
        check(&talk, &told(&talk, budget, &lost, 0))?;
    }
}
