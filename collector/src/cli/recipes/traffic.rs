//! The lines of a traffic file: what happened, one thing a line, in the order of time.
//!
//! ```text
//! TIME PROCESS exec [RECIPE]            TIME PROCESS CONNECTION connect ADDRESS
//! TIME PROCESS fork CHILD               TIME PROCESS CONNECTION connected | refused | timeout | reset | closed
//! TIME PROCESS exit STATUS              TIME PROCESS CONNECTION redis WORD...
//! TIME PROCESS killed SIGNAL            TIME PROCESS CONNECTION redis-reply nil | REPLY...
//! TIME PROCESS/THREAD thread-end        TIME PROCESS CONNECTION served METHOD PATH | answered CODE [BYTES]
//! TIME                                  TIME PROCESS CONNECTION asked METHOD PATH | got CODE [BYTES]
//! ```

use std::net::SocketAddr;

use wire::http::Method;

use crate::model::event::{Pid, Tid};

/// Longest body that may be told of.
const MAX_BODY: u64 = 1 << 40;
/// Latest time, in seconds.
const MAX_SECONDS: u64 = 1_000_000;
/// Most elements that an array may be said to have.
const MAX_ELEMENTS: usize = 1000;

/// What is wrong with a line.
#[derive(Debug, PartialEq, Eq)]
pub struct Wrong {
    /// From 1.
    pub line: usize,
    /// Without a full stop.
    pub reason: String,
}

/// One thing that happened.
#[derive(Debug)]
pub struct Step<'a> {
    /// From 1.
    pub line: usize,
    /// In nanoseconds.
    pub time: u64,
    pub what: What<'a>,
}

/// What happened.
#[derive(Debug)]
pub enum What<'a> {
    /// Nothing, up to then.
    TimePassed,
    /// To a process.
    Process(Pid, InProcess<'a>),
    /// On a connection, by its number.
    Connection(Pid, Tid, u64, OnConnection<'a>),
}

#[derive(Debug)]
pub enum InProcess<'a> {
    Exec(Option<&'a str>),
    Fork(Pid),
    Exit(u8),
    Killed(u8),
    ThreadEnd(Tid),
}

#[derive(Debug)]
pub enum OnConnection<'a> {
    Connect(SocketAddr),
    Connected,
    /// With this errno value.
    Failed(u32),
    Closed,
    Redis(Vec<&'a str>),
    RedisReply(Reply<'a>),
    Request {
        served: bool,
        method: Method,
        path: &'a str,
    },
    Answer {
        served: bool,
        code: u16,
        bytes: u64,
    },
}

/// A reply of a Redis server.
#[derive(Debug)]
pub enum Reply<'a> {
    Nil,
    Status(&'a str),
    Error(&'a str),
    Integer(i64),
    Text(&'a str),
    /// So many elements, and the first of them.
    Array(usize, Vec<&'a str>),
}

/// The word in place of a value that was not recorded, for its length or for what it says.
pub const VALUE: &str = "?";

/// Reads all lines.
pub fn read(text: &str) -> Result<Vec<Step<'_>>, Wrong> {
    let mut steps: Vec<Step<'_>> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = (number + 1, line);
        let mut words = line.1.split('#').next().unwrap_or_default().split_ascii_whitespace();
        let Some(first) = words.next() else { continue };
        let wrong = |reason: String| Wrong { line: line.0, reason };
        let time = time(first).map_err(wrong)?;
        if steps.last().is_some_and(|last| last.time > time) {
            return Err(wrong("the times go back".to_owned()));
        }
        let words: Vec<&str> = words.collect();
        let what = what(&words).map_err(wrong)?;
        steps.push(Step { line: line.0, time, what });
    }
    Ok(steps)
}

/// Seconds with up to nine decimals, in nanoseconds.
fn time(text: &str) -> Result<u64, String> {
    let (seconds, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let parsed = (digits(seconds) && digits(decimals) && decimals.len() <= 9)
        .then(|| Some((seconds.parse::<u64>().ok()?, format!("{decimals:0<9}").parse::<u64>().ok()?)));
    match parsed.flatten() {
        Some((seconds, nanoseconds)) if seconds <= MAX_SECONDS => Ok(seconds * 1_000_000_000 + nanoseconds),
        _ => Err(format!("`{}` is no time in seconds such as 0.250", shown(text))),
    }
}

fn what<'a>(words: &[&'a str]) -> Result<What<'a>, String> {
    let Some((who, words)) = words.split_first() else { return Ok(What::TimePassed) };
    let (pid, thread) = who.split_once('/').unwrap_or((who, who));
    let (Ok(pid), Ok(thread)) = (pid.parse(), thread.parse()) else {
        return Err(format!("`{}` is no process such as 4711, or 4711/4712 with its thread", shown(who)));
    };
    let Some((first, rest)) = words.split_first() else {
        return Err("nothing happens to the process".to_owned());
    };
    if first.bytes().all(|byte| byte.is_ascii_digit()) {
        let connection =
            first.parse().map_err(|_| format!("`{}` is no number of a connection", shown(first)))?;
        return Ok(What::Connection(pid, thread, connection, on_connection(rest)?));
    }
    let number =
        |text: &str| text.parse().map_err(|_| format!("`{}` is no number from 0 to 255", shown(text)));
    let what = match (*first, rest) {
        ("exec", []) => InProcess::Exec(None),
        ("exec", [name]) => InProcess::Exec(Some(name)),
        ("fork", [child]) => {
            InProcess::Fork(child.parse().map_err(|_| format!("`{}` is no process", shown(child)))?)
        }
        ("exit", [status]) => InProcess::Exit(number(status)?),
        ("killed", [signal]) => InProcess::Killed(number(signal)?),
        ("thread-end", []) => InProcess::ThreadEnd(thread),
        _ => {
            return Err(format!(
                "`{}` is not what a process does: exec [RECIPE], fork CHILD, exit STATUS, killed SIGNAL or thread-end; what \
                 happens on a connection has its number first",
                shown(&words.join(" "))
            ));
        }
    };
    Ok(What::Process(pid, what))
}

fn on_connection<'a>(words: &[&'a str]) -> Result<OnConnection<'a>, String> {
    let what = match words {
        ["connect", address] => OnConnection::Connect(
            address
                .parse()
                .map_err(|_| format!("`{}` is no address such as 127.0.0.1:6379", shown(address)))?,
        ),
        ["connected"] => OnConnection::Connected,
        ["refused"] => OnConnection::Failed(libc::ECONNREFUSED.unsigned_abs()),
        ["timeout"] => OnConnection::Failed(libc::ETIMEDOUT.unsigned_abs()),
        ["reset"] => OnConnection::Failed(libc::ECONNRESET.unsigned_abs()),
        ["closed"] => OnConnection::Closed,
        ["redis", words @ ..] if !words.is_empty() => OnConnection::Redis(words.to_vec()),
        ["redis-reply", words @ ..] => OnConnection::RedisReply(reply(words)?),
        [side @ ("served" | "asked"), method, path] => {
            let method = match Method::parse(method.as_bytes()) {
                Method::Other => return Err(format!("`{}` is no method such as GET", shown(method))),
                method => method,
            };
            if !path.starts_with('/') {
                return Err(format!("`{}` is no path: it begins with a slash", shown(path)));
            }
            OnConnection::Request { served: *side == "served", method, path }
        }
        [side @ ("answered" | "got"), code, bytes @ ..] if bytes.len() <= 1 => {
            let code = code.parse().ok().filter(|code| (100..=599).contains(code));
            let code = code.ok_or("an answer has a status code from 100 to 599")?;
            let bytes = bytes.first().copied().unwrap_or("0").parse().ok().filter(|&bytes| bytes <= MAX_BODY);
            let bytes = bytes.ok_or("the size of a body is a number of bytes")?;
            OnConnection::Answer { served: *side == "answered", code, bytes }
        }
        _ => {
            return Err(format!(
                "`{}` is not what happens on a connection: connect ADDRESS, connected, refused, timeout, reset, closed, redis \
                 WORD..., redis-reply REPLY, served METHOD PATH, answered CODE [BYTES], asked METHOD PATH or got CODE [BYTES]",
                shown(&words.join(" "))
            ));
        }
    };
    Ok(what)
}

fn reply<'a>(words: &[&'a str]) -> Result<Reply<'a>, String> {
    let integer = |text: &str| text.parse().map_err(|_| format!("`{}` is no integer", shown(text)));
    match words {
        ["nil"] => Ok(Reply::Nil),
        ["status", text] => Ok(Reply::Status(text)),
        ["error", code] => Ok(Reply::Error(code)),
        ["integer", number] => Ok(Reply::Integer(integer(number)?)),
        ["text", text] => Ok(Reply::Text(text)),
        ["array", count, first @ ..] => {
            let count = count.parse().ok().filter(|&count| count <= MAX_ELEMENTS && count >= first.len());
            let count = count.ok_or("an array has its number of elements, then the first of them")?;
            Ok(Reply::Array(count, first.to_vec()))
        }
        _ => Err(format!(
            "`{}` is no reply: nil, status WORD, error CODE, integer NUMBER, text WORD, or array COUNT [WORD...]",
            shown(&words.join(" "))
        )),
    }
}

/// A text of the file as far as an error shows it.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}
