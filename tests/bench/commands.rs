//! A client that sends commands to Redis at a rate, over connections that are kept, and reads their replies.
//!
//! It is this program under another name, as pullscope tells what to watch by the name of a process.

use std::env;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use pullscope_tests::place::Place;
use pullscope_tests::process::{PATIENCE, Running};

/// The argument that makes this program the client.
pub const CLIENT: &str = "--commands";

const CONNECTIONS: u64 = 10;
/// Bytes of a value, as long as the state of something small in JSON.
const VALUE: usize = 200;

/// How much the client does: `SET` and `GET` by turns.
#[derive(Clone, Copy)]
pub struct Load {
    /// Commands that are sent before their replies are read.
    pub pipeline: u64,
    /// Commands a second, on all connections together.
    pub rate: u64,
    pub seconds: u64,
}

impl Load {
    pub fn commands(self) -> u64 {
        self.rate * self.seconds
    }

    pub fn name(self) -> String {
        match self.pipeline {
            1 => "one at a time".to_owned(),
            pipeline => format!("{pipeline} at a time"),
        }
    }
}

/// The client as a process called `name` does `load` at the server at `address`. Gives the seconds that it took, from the first
/// command to the last reply.
#[track_caller]
pub fn run(name: &str, address: SocketAddr, load: Load) -> f64 {
    let dir = tempfile::tempdir().expect("a directory for a client");
    let program = dir.path().join(name);
    fs::copy(env::current_exe().expect("the path of this program"), &program).expect("copy this program");
    let mut command = Place::machine().command(&program);
    command.arg(CLIENT).arg(address.to_string());
    command.args([load.pipeline, load.rate, load.seconds].map(|number| number.to_string()));
    let client = Running::spawn(command);
    let outcome = client.wait(Duration::from_secs(load.seconds) + PATIENCE).expect_ok();
    outcome.stdout.trim().parse().expect("the seconds that the client took")
}

/// What this program does as the client: `ADDRESS PIPELINE RATE SECONDS`.
#[track_caller]
pub fn client(arguments: &[String]) {
    let [address, pipeline, rate, seconds] = arguments else { panic!("not the arguments of the client") };
    let number = |text: &String| text.parse().expect("a number");
    let load = Load { pipeline: number(pipeline), rate: number(rate), seconds: number(seconds) };
    // All connections stand before the first command.
    let connect = |_| TcpStream::connect(address).expect("connect to the server");
    let streams: Vec<_> = (0..CONNECTIONS).map(connect).collect();
    let began = Instant::now();
    let each = |(number, stream)| thread::spawn(move || part(number, stream, load, began));
    let threads: Vec<_> = (0..).zip(streams).map(each).collect();
    for thread in threads {
        thread.join().expect("a connection does its part");
    }
    println!("{}", began.elapsed().as_secs_f64());
}

/// The part of one connection. What is late is made up for at once.
#[track_caller]
fn part(number: u64, mut stream: TcpStream, load: Load, began: Instant) {
    stream.set_nodelay(true).expect("send commands at once");
    let batches = load.commands() / CONNECTIONS / load.pipeline;
    assert_eq!(batches * CONNECTIONS * load.pipeline, load.commands(), "all connections do the same");
    let apart = Duration::from_secs(load.seconds).div_f64(batches as f64);
    // Connections take turns.
    let began = began + apart.mul_f64(number as f64 / CONNECTIONS as f64);
    let (mut commands, mut replies) = (Vec::new(), Vec::new());
    for batch in 0..batches {
        let due = began + apart.mul_f64(batch as f64);
        let early = due.saturating_duration_since(Instant::now());
        if !early.is_zero() {
            sleep(early);
        }
        commands.clear();
        let mut expected = 0;
        for count in batch * load.pipeline..(batch + 1) * load.pipeline {
            // What is got has just been set.
            let key = format!("session:{}", count / 2 * CONNECTIONS + number);
            expected += if count % 2 == 0 { set(&mut commands, &key) } else { get(&mut commands, &key) };
        }
        stream.write_all(&commands).expect("send commands");
        replies.resize(expected, 0);
        stream.read_exact(&mut replies).expect("read replies");
        assert!(matches!(replies[0], b'+' | b'$'), "{}", replies.escape_ascii());
    }
}

/// Appends a `SET`. Gives the length of its reply.
fn set(commands: &mut Vec<u8>, key: &str) -> usize {
    write!(commands, "*3\r\n$3\r\nSET\r\n${}\r\n{key}\r\n${VALUE}\r\n{:VALUE$}\r\n", key.len(), "")
        .expect("memory");
    "+OK\r\n".len()
}

/// Appends a `GET` of what was set. Gives the length of its reply.
fn get(commands: &mut Vec<u8>, key: &str) -> usize {
    write!(commands, "*2\r\n$3\r\nGET\r\n${}\r\n{key}\r\n", key.len()).expect("memory");
    format!("${VALUE}\r\n").len() + VALUE + "\r\n".len()
}
