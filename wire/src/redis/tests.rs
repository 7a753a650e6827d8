//! One rule each: what is read here, what belongs to what in `pairing`. Conversations of real programs, and made-up ones of any kind,
//! are in `wire/tests`.

use super::{Connection, Fact, Reply, Unparsed};
use crate::Decoder as _;
use crate::http::Direction::{self, Received, Sent};
use crate::http::Role;

mod pairing;

/// A connection with the positions of its directions.
struct Stage {
    connection: Connection,
    sent: u64,
    received: u64,
    time: u64,
    facts: Vec<Fact>,
}

impl Stage {
    fn opened() -> Self {
        Self { connection: Connection::opened(), sent: 0, received: 0, time: 0, facts: Vec::new() }
    }

    /// Joined late, at some positions.
    fn joined() -> Self {
        Self { connection: Connection::new(), sent: 1 << 40, received: 77, ..Self::opened() }
    }

    fn position(&mut self, way: Direction) -> &mut u64 {
        match way {
            Sent => &mut self.sent,
            Received => &mut self.received,
        }
    }

    fn data(&mut self, way: Direction, bytes: &[u8]) -> &mut Self {
        self.time += 1;
        let (start, time) = (*self.position(way), self.time);
        *self.position(way) += bytes.len() as u64;
        self.connection.data(way, start, bytes, time, &mut self.facts);
        self
    }

    /// A command is sent.
    fn ask(&mut self, words: &str) -> &mut Self {
        self.data(Sent, &command(words))
    }

    /// Something is received.
    fn get(&mut self, bytes: &str) -> &mut Self {
        self.data(Received, bytes.as_bytes())
    }

    /// Bytes pass that are not captured.
    fn gap(&mut self, way: Direction, count: u64) -> &mut Self {
        self.time += 1;
        *self.position(way) += count;
        let (position, time) = (*self.position(way), self.time);
        self.connection.advanced(way, position, time, &mut self.facts);
        self
    }

    fn close(&mut self) -> &mut Self {
        self.time += 1;
        self.connection.closed(self.time, &mut self.facts);
        self
    }

    /// The facts up to now, in short.
    fn told(&mut self) -> Vec<String> {
        self.facts.drain(..).map(|fact| line(&fact)).collect()
    }
}

fn command(words: &str) -> Vec<u8> {
    let words = words.split(' ').map(|word| format!("${}\r\n{word}\r\n", word.len()));
    let words: Vec<String> = words.collect();
    format!("*{}\r\n{}", words.len(), words.concat()).into_bytes()
}

fn line(fact: &Fact) -> String {
    let texts = |texts: &[Option<String>]| {
        texts.iter().map(|text| text.as_deref().unwrap_or("~")).collect::<Vec<_>>().join(" ")
    };
    match fact {
        Fact::Command { command, .. } => texts(&command.words),
        Fact::Reply { number, reply, .. } => match reply {
            Reply::Nil => format!("{number}: nil"),
            Reply::Status(text) => format!("{number}: +{text}"),
            Reply::Error(text) => format!("{number}: -{text}"),
            Reply::Integer(value) => format!("{number}: {value}"),
            Reply::Text(text) => format!("{number}: {}", text.as_deref().unwrap_or("~")),
            Reply::Array { count, texts: of } => format!("{number}: {count} [{}]", texts(of)),
            Reply::Other => format!("{number}: other"),
        },
        Fact::Unanswered { number, closed: true, .. } => format!("{number}: closed"),
        Fact::Unanswered { number, .. } => format!("{number}: ?"),
        Fact::Unparsed { reason } => reason.as_str().into(),
    }
}

#[test]
fn a_command_and_its_reply() {
    let mut stage = Stage::opened();
    stage.ask("GET key");
    assert!(stage.connection.in_progress());
    assert_eq!(stage.connection.role(), Some(Role::Client));
    stage.get("$5\r\nvalue\r\n");
    assert!(!stage.connection.in_progress());
    assert_eq!(stage.told(), ["GET key", "0: value"]);
}

#[test]
fn times_are_those_of_the_first_byte_and_of_when_it_was_known() {
    let mut stage = Stage::opened();
    let bytes = command("BLPOP q 0");
    stage.data(Sent, &bytes[..5]).data(Sent, &bytes[5..]);
    stage.get("*2\r\n$1\r\nq\r\n").get("$1000\r\nitem").gap(Received, 997).close();
    let times: Vec<u64> = stage
        .facts
        .iter()
        .map(|fact| match fact {
            Fact::Command { time, .. } | Fact::Reply { time, .. } | Fact::Unanswered { time, .. } => *time,
            Fact::Unparsed { .. } => 0,
        })
        .collect();
    // The item's head is enough.
    assert_eq!(times, [1, 4]);
}

#[test]
fn eight_words_of_64_bytes_are_kept() {
    let (fits, long) = ("x".repeat(64), "x".repeat(65));
    let mut stage = Stage::opened();
    stage.ask(&format!("SET {fits} {long} 3 4 5 6 7 8 9"));
    let Fact::Command { command, .. } = &stage.facts[0] else { panic!("a command") };
    assert_eq!(command.count, 10);
    assert_eq!(stage.told(), [format!("SET {fits} ~ 3 4 5 6 7")]);
}

#[test]
fn credentials_are_not_kept() {
    let mut stage = Stage::opened();
    for (name, reply) in [
        ("auth user", "+OK\r\n"),
        ("HELLO 3 AUTH me", "%1\r\n$1\r\na\r\n$6\r\nhunter\r\n"),
        ("CONFIG GET requirepass", "*2\r\n$11\r\nrequirepass\r\n$6\r\nhunter\r\n"),
        ("ACL GENPASS", "$6\r\nhunter\r\n"),
        ("MIGRATE host", "-ERR hunter\r\n"),
        ("SENTINEL SET m auth-pass", "+OK\r\n"),
        ("COMMAND GETKEYS AUTH", ":1\r\n"),
    ] {
        stage.ask(&format!("{name} hunter")).get(reply);
    }
    assert!(!stage.told().concat().contains("hunter"));
    // A name that can't be read may be any.
    stage.data(Sent, b"*2\r\n$4\r\nA\xffTH\r\n$6\r\nhunter\r\n");
    assert_eq!(stage.told(), ["~"]);
}

#[test]
fn debug_output_shows_names_that_are_known_and_nothing_else() {
    let mut stage = Stage::opened();
    stage.ask("set secret word").get("+secret\r\n").ask("hunter word").get("*1\r\n$6\r\nsecret\r\n");
    let shown = format!("{:?} {:?}", stage.facts, stage.connection);
    assert!(shown.contains("SET, 3 words") && shown.contains("?, 2 words"));
    assert!(["secret", "hunter", "word\""].iter().all(|text| !shown.contains(text)), "{shown}");
}

#[test]
fn values_of_resp3() {
    let mut stage = Stage::opened();
    for reply in ["_\r\n", "#t\r\n", ",1.5\r\n", "(123\r\n", "=7\r\ntxt:abc\r\n", "!9\r\nERR wrong\r\n"] {
        stage.ask("FCALL f 0").get(reply);
    }
    stage.ask("FCALL f 0").get("%2\r\n+a\r\n:1\r\n+b\r\n*2\r\n+c\r\n+d\r\n");
    stage.ask("FCALL f 0").get("~3\r\n$1\r\na\r\n$-1\r\n_\r\n");
    let replies: Vec<String> = stage.told().into_iter().filter(|line| line.contains(": ")).collect();
    assert_eq!(
        replies,
        ["0: nil", "1: other", "2: other", "3: other", "4: abc", "5: -ERR", "6: 4 [a ~ b ~]", "7: 3 [a ~ ~]"]
    );
}

#[test]
fn pushes_and_attributes_are_no_replies() {
    let mut stage = Stage::opened();
    stage.ask("GET a").get(">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n");
    stage.get("|1\r\n+ttl\r\n*2\r\n:1\r\n:2\r\n$1\r\nx\r\n>1\r\n+more\r\n");
    stage.ask("LRANGE l 0 -1").get("*2\r\n|1\r\n+ttl\r\n:9\r\n$1\r\nb\r\n|0\r\n$1\r\nc\r\n");
    assert_eq!(stage.told(), ["GET a", "0: x", "LRANGE l 0 -1", "1: 2 [b c]"]);
}

#[test]
fn a_transaction_has_its_replies_in_the_one_to_exec() {
    let mut stage = Stage::opened();
    stage.ask("MULTI").ask("GET a").ask("LRANGE l 0 -1").ask("KEYS *").ask("INCR a").ask("EXEC").told();
    stage.get("+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n");
    assert!(stage.connection.in_progress());
    stage.get("*4\r\n$1\r\na\r\n*2\r\n+x\r\n*1\r\n+y\r\n*0\r\n-ERR no\r\n");
    assert_eq!(stage.told(), ["0: +OK", "1: a", "2: 2 [x ~]", "3: 0 []", "4: -ERR", "5: 4 [a ~ ~ ~]"]);
    assert!(!stage.connection.in_progress());
}

#[test]
fn a_long_transaction() {
    let mut stage = Stage::opened();
    stage.ask("MULTI").get("+OK\r\n");
    for _ in 0..100 {
        stage.ask("INCR a").get("+QUEUED\r\n");
    }
    stage.ask("EXEC").told();
    stage.get("*100\r\n");
    for number in 0..100 {
        stage.get(&format!(":{number}\r\n"));
    }
    let told = stage.told();
    assert_eq!(told.len(), 101);
    assert_eq!(told[..100], (0..100).map(|number| format!("{}: {number}", number + 1)).collect::<Vec<_>>());
}

#[test]
fn a_transaction_that_does_not_run() {
    for (end, reply, expected) in [
        ("EXEC", "*-1\r\n", vec!["1: nil", "2: nil"]),
        ("EXEC", "_\r\n", vec!["1: nil", "2: nil"]),
        ("EXEC", "-EXECABORT x\r\n", vec!["1: -EXECABORT", "2: -EXECABORT"]),
        ("DISCARD", "+OK\r\n", vec!["1: nil", "2: +OK"]),
        ("RESET", "+RESET\r\n", vec!["1: nil", "2: +RESET"]),
        // Commands before it were not seen.
        ("EXEC", "*2\r\n+a\r\n+b\r\n", vec!["1: ?", "2: 2 [a b]"]),
    ] {
        let mut stage = Stage::opened();
        stage.ask("MULTI").get("+OK\r\n").ask("GET a").get("+QUEUED\r\n").ask(end).told();
        stage.get(reply);
        assert_eq!(stage.told(), expected, "{end}");
    }
    let mut stage = Stage::opened();
    stage.ask("MULTI").get("+OK\r\n").ask("GET a").get("+QUEUED\r\n").gap(Sent, 20).told();
    assert!(!stage.connection.in_progress(), "its EXEC was not seen");
}

#[test]
fn what_is_no_command_or_reply_is_counted() {
    for (bytes, reason) in [
        ("PING\r\n", Unparsed::Inline),
        ("*1\r\n:1\r\n", Unparsed::BadCommand),
        ("*1\r\n$-1\r\n", Unparsed::BadCommand),
        ("*2\r\n$4\r\nPINGxx", Unparsed::BadCommand),
        ("*99999999999\r\n", Unparsed::BadCommand),
        ("*2147483648\r\n", Unparsed::BadCommand),
        ("*1\r\n$536870913\r\n", Unparsed::BadCommand),
        ("+OK\r\n", Unparsed::BadCommand),
        ("*?\r\n", Unparsed::Streamed),
    ] {
        let mut stage = Stage::opened();
        stage.ask("PING").get("+PONG\r\n").told();
        stage.data(Sent, bytes.as_bytes());
        assert_eq!(stage.told(), [reason.as_str()], "{bytes}");
    }
    let deep = "*1\r\n".repeat(33);
    for (bytes, reason) in [
        ("OK\r\n", Unparsed::BadReply),
        ("+OK\n", Unparsed::BadReply),
        ("+O\rK\r\n", Unparsed::BadReply),
        (":1a\r\n", Unparsed::BadReply),
        ("#x\r\n", Unparsed::BadReply),
        ("$2\r\nOK\n\r", Unparsed::BadReply),
        ("*1\r\n>1\r\n", Unparsed::BadReply),
        (&deep, Unparsed::BadReply),
        ("$?\r\n", Unparsed::Streamed),
        ("*?\r\n", Unparsed::Streamed),
        (";4\r\n", Unparsed::Streamed),
    ] {
        let mut stage = Stage::opened();
        stage.ask("FCALL a 0").get(bytes);
        assert!(stage.told().contains(&reason.as_str().to_owned()), "{bytes}");
        assert!(!stage.connection.in_progress());
    }
}

#[test]
fn what_is_no_command_to_the_server_is_stepped_over() {
    let mut stage = Stage::opened();
    stage.data(Sent, b"*1\r\n$4\r\nPING\r\n\r\n*0\r\n*-1\r\n*1\r\n$4\r\nECHO\r\n").get("+PONG\r\n-ERR\r\n");
    assert_eq!(stage.told(), ["PING", "ECHO", "0: +PONG", "1: -ERR"]);
}

#[test]
fn errors_are_their_first_word() {
    let mut stage = Stage::opened();
    let long = format!("-WRONGTYPE {}\r\n", "x".repeat(200));
    for reply in [&long, "-LOADING\r\n", "-see token=abc for more\r\n", "-\r\n"] {
        stage.ask("GET a").get(reply);
    }
    let replies: Vec<String> = stage.told().into_iter().filter(|line| line.contains(": ")).collect();
    assert_eq!(replies, ["0: -WRONGTYPE", "1: -LOADING", "2: -", "3: -"]);
}

#[test]
fn long_texts_and_lines() {
    let mut stage = Stage::opened();
    for length in [63, 64, 65, 66, 67, 1000] {
        stage.ask("FCALL a 0").told();
        let text = "x".repeat(length);
        let kept = if length <= 64 { &text } else { "~" };
        for cut in [usize::MAX, 1, 7] {
            let mut told = Vec::new();
            for (reply, mark) in [
                (format!("+{text}\r\n"), "+"),
                (format!("${length}\r\n{text}\r\n"), ""),
                (format!("={}\r\ntxt:{text}\r\n", length + 4), ""),
            ] {
                stage.ask("FCALL a 0").told();
                for piece in reply.as_bytes().chunks(cut.min(reply.len())) {
                    stage.data(Received, piece);
                }
                let mark = if length <= 64 { mark } else { "" };
                told.push((stage.told(), format!("{mark}{kept}")));
            }
            for (told, expected) in told {
                assert!(told.len() == 1 && told[0].ends_with(&format!(": {expected}")), "{told:?}");
            }
        }
        stage.get("+OK\r\n").told();
    }
    stage.ask("FCALL a 0").told();
    for _ in 0..70 {
        stage.get(&format!("{}{}", if stage.facts.is_empty() { "+" } else { "" }, "x".repeat(1000)));
    }
    assert_eq!(stage.told().iter().filter(|line| *line == "redis_bad_reply").count(), 1);
}

#[test]
fn positions_that_were_passed_are_not_read_twice() {
    let mut stage = Stage::opened();
    stage.ask("GET a");
    let bytes = command("GET a");
    stage.connection.data(Sent, 0, &bytes, 2, &mut stage.facts);
    let both = [bytes.clone(), command("GET b")].concat();
    stage.connection.data(Sent, 0, &both, 3, &mut stage.facts);
    stage.connection.advanced(Sent, 3, 4, &mut stage.facts);
    assert_eq!(stage.told(), ["GET a", "GET b"]);
}
