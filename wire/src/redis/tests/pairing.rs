//! Which reply belongs to which command, and what is done where that can't be known.

use super::{Received, Role, Sent, Stage, command};

#[test]
fn a_hole_in_a_string_costs_its_text() {
    let mut stage = Stage::opened();
    stage.data(Sent, b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$9000\r\nxy").gap(Sent, 9000).get("+OK\r\n");
    stage.ask("GET k").get("$20\r\nxyz").gap(Received, 10).get("3456789\r\n");
    stage.ask("MGET a b").get("*2\r\n$9000\r\n").gap(Received, 9002).get("$1\r\nb\r\n");
    assert_eq!(stage.told(), ["SET k ~", "0: +OK", "GET k", "1: ~", "MGET a b", "2: 2 [~ b]"]);
}

#[test]
fn a_hole_in_commands_leaves_those_before_it() {
    let mut stage = Stage::opened();
    stage.ask("GET a").ask("GET b").gap(Sent, 500);
    stage.get("$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n$1\r\nd\r\n");
    assert_eq!(stage.told(), ["GET a", "GET b", "redis_hole", "0: a", "1: b"]);
    stage.ask("GET e").get("$1\r\ne\r\n");
    assert_eq!(stage.told(), ["GET e", "2: e"]);
}

#[test]
fn a_hole_in_replies_ends_all_that_wait() {
    let mut stage = Stage::opened();
    stage.ask("GET a").ask("GET b").get("$1\r\na\r\n").gap(Received, 7);
    assert_eq!(stage.told(), ["GET a", "GET b", "0: a", "redis_hole", "1: ?"]);
    assert!(!stage.connection.in_progress());
    stage.ask("GET c").get("$1\r\nc\r\n");
    assert_eq!(stage.told(), ["GET c", "2: c"]);
}

#[test]
fn a_span_that_does_not_begin_like_a_value_is_not_read() {
    let mut stage = Stage::opened();
    stage.ask("GET a").gap(Received, 7).told();
    stage.ask("GET b").get("garbage\r\n+OK\r\n").ask("GET c").get("$1\r\nc\r\n");
    assert_eq!(stage.told(), ["GET b", "1: ?", "GET c", "2: c"]);
    // A hole before the bytes: they may be of the span that was not seen.
    stage.gap(Sent, 10).gap(Received, 10).told();
    stage.sent += 50;
    stage.ask("GET d").get("$1\r\nd\r\n");
    assert_eq!(stage.told(), Vec::<String>::new());
}

#[test]
fn commands_pair_again_only_when_all_was_answered() {
    let mut stage = Stage::opened();
    stage.ask("GET a").gap(Sent, 20).get("$1\r\na\r\n$9\r\nb").told();
    // The reply to what was not seen goes on.
    stage.ask("GET c").get("bbbbbbbb\r\n$1\r\nc\r\n").ask("GET d").get("$1\r\nd\r\n");
    assert_eq!(stage.told(), ["GET c", "1: ?", "GET d", "2: d"]);
}

#[test]
fn a_client_that_does_not_wait_is_not_believed_after_a_loss() {
    let mut stage = Stage::opened();
    stage.ask("GET a").ask("GET b").get("$1\r\na\r\n").ask("GET c").get("$1\r\nb\r\n").get("$1\r\nc\r\n");
    assert_eq!(stage.told(), ["GET a", "GET b", "0: a", "GET c", "1: b", "2: c"]);
    stage.gap(Sent, 20).get("$1\r\nd\r\n").ask("GET e").get("$1\r\ne\r\n");
    assert_eq!(stage.told(), ["redis_hole", "GET e", "3: ?"]);
}

#[test]
fn replies_that_cannot_be_are_found_after_a_loss() {
    for (ask, reply) in [
        ("GET a", ":1\r\n"),
        ("DEL a", "$1\r\nx\r\n"),
        ("BLPOP a b 0", "*2\r\n$1\r\nc\r\n$1\r\nx\r\n"),
        ("BLPOP a b 0", "+OK\r\n"),
        ("LRANGE a 0 1", "$-1\r\n"),
        ("PING", "+PONG\r\n+PONG\r\n"),
    ] {
        let mut stage = Stage::opened();
        stage.ask("PING").gap(Sent, 9).get("+PONG\r\n+PONG\r\n").told();
        stage.ask(ask).get(reply);
        let told = stage.told();
        assert!(told.contains(&"redis_out_of_step".to_owned()), "{ask}: {told:?}");
        stage.ask("GET d").get("$1\r\nd\r\n");
        assert_eq!(stage.told(), ["GET d", "2: ?"], "{ask}");
    }
}

#[test]
fn a_client_that_turns_out_not_to_wait_is_not_believed() {
    let mut stage = Stage::opened();
    stage.gap(Sent, 9).get("+PONG\r\n").ask("GET a").ask("GET b");
    stage.get("$1\r\na\r\n").ask("GET c").get("$1\r\nb\r\n");
    assert_eq!(
        stage.told(),
        ["redis_hole", "GET a", "GET b", "0: a", "redis_out_of_step", "1: ?", "GET c", "2: ?"]
    );
}

#[test]
fn a_reply_may_be_reported_before_its_command() {
    let mut stage = Stage::opened();
    stage
        .ask("GET a")
        .get("$1\r\na\r\n")
        .get(">1\r\n+x\r\n$100\r\n")
        .gap(Received, 102)
        .get("$1\r\n")
        .get("c\r\n");
    stage.ask("GET b").ask("GET c");
    assert_eq!(stage.told(), ["GET a", "0: a", "GET b", "1: ~", "GET c", "2: c"]);
}

#[test]
fn replies_that_nobody_asked_for_are_not_held_for_ever() {
    let mut stage = Stage::opened();
    stage.ask("GET a").get("$1\r\na\r\n").told();
    for _ in 0..5 {
        stage.get(&format!("$4000\r\n{}\r\n", "x".repeat(4000)));
    }
    assert_eq!(stage.told(), ["redis_no_command"]);
    stage.close();
    assert_eq!(stage.told(), Vec::<String>::new());
}

#[test]
fn what_is_seen_first_may_be_in_the_middle_of_a_pipeline() {
    let mut stage = Stage::joined();
    stage.ask("GET b").ask("GET c").get("$1\r\na\r\n$1\r\nb\r\n");
    assert_eq!(stage.told(), ["GET b", "GET c", "0: ?", "1: ?"]);
    let mut stage = Stage::joined();
    stage.ask("BLPOP b 0").get("*2\r\n$1\r\nb\r\n$1\r\nx\r\n").ask("GET c").get("$1\r\nc\r\n");
    assert_eq!(stage.told(), ["BLPOP b 0", "0: 2 [b x]", "GET c", "1: c"]);
}

#[test]
fn a_reply_that_looks_like_a_command_is_none() {
    // A consumer that waited, of a queue whose name is that of a command, and one of another queue.
    for queue in ["sort", "jobs"] {
        let mut stage = Stage::joined();
        stage.get(&format!("*2\r\n$4\r\n{queue}\r\n$1\r\nx\r\n"));
        assert_eq!((stage.connection.role(), stage.told().len()), (None, 0));
        stage.ask("BLPOP sort jobs 1").get("*-1\r\n").ask("BLPOP sort jobs 1");
        assert_eq!(stage.connection.role(), Some(Role::Client), "{queue}");
        let told = stage.told();
        assert!(told.contains(&"redis_no_command".into()), "{told:?}");
        assert_eq!(told.iter().filter(|line| line.contains("nil")).count(), 1, "{told:?}");
    }
}

#[test]
fn a_server_is_told_by_what_it_answers() {
    let mut stage = Stage::joined();
    stage.data(Received, &command("GET a"));
    assert_eq!(stage.connection.role(), None);
    stage.data(Sent, b"$1\r\na\r\n").data(Received, &command("GET b")).data(Sent, b"$1\r\nb\r\n");
    assert_eq!(stage.connection.role(), Some(Role::Server));
    assert_eq!(stage.told(), ["GET a", "0: ?", "GET b", "1: b"]);
    let mut stage = Stage::opened();
    stage.data(Received, &command("SUBSCRIBE a")).data(Sent, b"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n");
    assert_eq!(stage.connection.role(), Some(Role::Server));
}

#[test]
fn a_connection_whose_sides_stay_unknown_is_counted() {
    let mut stage = Stage::joined();
    stage.get("*2\r\n$4\r\njobs\r\n$1\r\nx\r\n").close();
    assert_eq!(stage.told(), ["redis_no_command"]);
    let mut stage = Stage::joined();
    for _ in 0..5 {
        stage.get(&format!("*2\r\n$1\r\na\r\n$4000\r\n{}\r\n", "x".repeat(4000)));
    }
    assert_eq!(stage.told(), ["redis_no_command"]);
}

#[test]
fn commands_with_other_than_one_reply_end_the_pairing() {
    for last in
        ["SUBSCRIBE a", "punsubscribe", "MONITOR", "CLIENT REPLY OFF", "client reply skip", "PSYNC ? -1"]
    {
        let mut stage = Stage::opened();
        stage
            .ask("GET a")
            .ask(last)
            .get("$1\r\na\r\n+OK\r\n*3\r\n+x\r\n+y\r\n:1\r\n")
            .ask("GET b")
            .get("$1\r\nb\r\n");
        assert_eq!(stage.told(), ["GET a", last, "redis_unpaired", "1: ?", "0: a", "GET b", "2: ?"]);
        stage.gap(Received, 100).gap(Sent, 100).ask("GET c").close();
        assert!(!stage.told().contains(&"3: c".into()));
    }
    let mut stage = Stage::opened();
    stage.ask("CLIENT SETNAME a").get("+OK\r\n");
    assert_eq!(stage.told(), ["CLIENT SETNAME a", "0: +OK"]);
}

#[test]
fn a_pipeline_has_a_most() {
    let mut stage = Stage::opened();
    for _ in 0..4098 {
        stage.ask("GET a");
    }
    let told = stage.told();
    assert_eq!(told[4096..], ["GET a", "redis_pipelined", "4096: ?", "GET a", "4097: ?"]);
    for _ in 0..4098 {
        stage.get("$1\r\na\r\n");
    }
    assert_eq!(stage.told().len(), 4096);
    stage.ask("GET b").get("$1\r\nb\r\n");
    assert_eq!(stage.told(), ["GET b", "4098: b"]);
}

#[test]
fn the_close_ends_what_waits() {
    let mut stage = Stage::opened();
    stage.ask("MULTI").get("+OK\r\n").ask("GET a").get("+QUEUED\r\n").ask("LRANGE l 0 1").ask("GET b").told();
    stage.get("*2\r\n+x\r\n").data(Sent, b"*2\r\n$3\r\nGET\r\n").close();
    let mut told = stage.told();
    told.sort();
    assert_eq!(told, ["1: closed", "2: closed", "3: closed", "redis_command_cut"]);
    assert!(!stage.connection.in_progress());
    stage.ask("GET c").close();
    assert_eq!(stage.told(), Vec::<String>::new());
}
