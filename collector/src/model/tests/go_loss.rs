//! Any record of a Go program may be lost: what is told stays true, and every beginning has its end.

use super::go::{captured, message, request_fields};
use super::scene::{BLOB, MANIFEST, Scene, get, response};
use crate::model::event::{Amount, ConnId, Event, Message, Part};

/// What the kernel programs tell, one record each.
#[derive(Clone)]
enum Record {
    Field(&'static str, String),
    Message(Message),
}

fn fields(fields: &[(&'static str, &str)], then: Message) -> Vec<Record> {
    let field = |(name, value): &(&'static str, &str)| Record::Field(name, (*value).into());
    fields.iter().map(field).chain([Record::Message(then)]).collect()
}

/// Three exchanges side by side, whose registries, kinds, codes and lengths differ.
fn over_http2() -> Vec<Record> {
    let end = |stream, amount| vec![Record::Message(Message { amount, ..message(Part::Complete, stream) })];
    let ask = |stream, host, path| fields(&request_fields(host, path), message(Part::RequestFields, stream));
    let answer = |stream, code, length| {
        fields(&[(":status", code), ("content-length", length)], message(Part::ResponseFields, stream))
    };
    [
        ask(1, "a.example.net", MANIFEST),
        ask(3, "b.example.org", BLOB),
        answer(1, "404", "7"),
        answer(3, "200", "1000"),
        ask(5, "c.example.com", "/v2/"),
        end(3, Amount::None),
        fields(&[(":status", "401")], Message { end: true, ..message(Part::ResponseFields, 5) }),
        end(5, Amount::None),
        end(1, Amount::None),
    ]
    .concat()
}

/// The same one after the other.
fn over_http1() -> Vec<Record> {
    let head = |part, bytes: String| Record::Message(Message { bytes: captured(bytes), ..message(part, 0) });
    let end = || Record::Message(Message { amount: Amount::Left(0), ..message(Part::Complete, 0) });
    let long = format!("GET {MANIFEST} HTTP/1.1\r\nHost: a.example.net\r\nX: {}\r\n\r\n", "x".repeat(6000));
    let (start, rest) = long.split_at(4096);
    vec![
        head(Part::RequestHead, start.into()),
        head(Part::RequestHead, rest.into()),
        head(Part::ResponseHead, response(404, "", 7, 0)),
        end(),
        head(Part::RequestHead, get("b.example.org", BLOB)),
        head(Part::ResponseHead, response(200, "", 1000, 0)),
        end(),
        head(Part::RequestHead, get("c.example.com", "/v2/")),
        head(Part::ResponseHead, response(401, "", 0, 0)),
    ]
}

/// Registry, kind, code and bytes as they are.
const TRUTH: [(&str, &str, &str, &str); 3] = [
    ("example.net", "manifest", "404", "7"),
    ("example.org", "blob", "200", "1000"),
    ("example.com", "ping", "401", "0"),
];

/// The facts where the records that `lost` names find the ring buffer full.
fn told(records: &[Record], lost: impl Fn(usize) -> bool, close: bool) -> Vec<String> {
    let mut scene = Scene::with_readable_process();
    // Whatever else tells the registry does not say a word here.
    let conn = scene.connect(1, "10.0.0.1:443");
    scene.all();
    for (place, record) in records.iter().enumerate() {
        tell(&mut scene, conn, record, lost(place));
    }
    if close {
        scene.close(conn);
    } else {
        scene.progress(conn);
    }
    scene.all()
}

fn tell(scene: &mut Scene, conn: ConnId, record: &Record, lost: bool) {
    match record {
        Record::Field(..) if lost => {}
        Record::Field(name, value) => {
            let (name, value, goroutine) = (captured(name), captured(value), 0xc000_0000);
            scene.tell(Event::Field { pid: 1, goroutine, name, value, truncated: false, time: scene.now });
        }
        Record::Message(_) if lost => scene.lose_event(conn),
        Record::Message(message) => scene.message(conn, message.clone()),
    }
}

#[track_caller]
fn judge(said: &[String]) {
    for line in said {
        let words: Vec<&str> = line.split(' ').collect();
        let is = |truth: &(&str, &str, &str, &str)| {
            // Without its `:authority` a request is for what the connection shows.
            let place = (words[1] == truth.0 || words[1] == "[IP_ADDRESS]") && words[2] == truth.1;
            place
                && match words[0] {
                    "request-" => words[4] == truth.2 || words[4] == "none",
                    _ => words[3] == truth.3,
                }
        };
        if matches!(words[0], "request-" | "bytes") {
            assert!(TRUTH.iter().any(is), "{line} in {said:#?}");
        }
    }
    let count = |word: &str| said.iter().filter(|line| line.starts_with(word)).count();
    assert_eq!(count("request+"), count("request-"), "{said:#?}");
}

#[test]
fn nothing_lost_is_all_of_the_truth() {
    for records in [over_http1(), over_http2()] {
        let said = told(&records, |_| false, true);
        judge(&said);
        let count = |word: &str| said.iter().filter(|line| line.starts_with(word)).count();
        assert_eq!((count("request-"), count("bytes"), count("unattributed")), (3, 2, 0), "{said:#?}");
        assert!(!said.iter().any(|line| line.contains("[IP_ADDRESS]")), "{said:#?}");
    }
}

#[test]
fn any_one_and_any_two_records_may_be_lost() {
    for records in [over_http1(), over_http2()] {
        for one in 0..records.len() {
            for two in one..records.len() {
                let said = told(&records, |place| place == one || place == two, true);
                judge(&said);
            }
        }
    }
}

/// A connection that goes on does not keep what has ended unseen: the kernel says how much was lost.
#[test]
fn a_lost_end_does_not_wait_for_the_close() {
    for records in [over_http1(), over_http2()] {
        for lost in 0..records.len() {
            let said = told(&records, |place| place == lost, false);
            judge(&said);
        }
        let last = records.len() - 1;
        let said = told(&records, |place| place == last, false);
        assert!(said.contains(&"unattributed exchange_end_unknown".into()), "{said:#?}");
    }
}

/// Two connections, two processes: a loss on one says nothing of the other.
#[test]
fn a_loss_is_of_one_connection() {
    let mut scene = Scene::with_readable_process();
    let (one, two) = (scene.connect(1, "10.0.0.1:443"), scene.connect(1, "10.0.0.1:443"));
    for conn in [one, two] {
        scene.ask(conn, 1, &request_fields("registry.example.com", "/v2/"));
    }
    scene.lose_event(one);
    scene.progress(one);
    scene.progress(two);
    assert_eq!(
        scene.said(&["unattributed", "request-"]),
        ["unattributed exchange_end_unknown", "request- example.com ping GET none first - all -"]
    );
    scene.answer(two, 1, &[(":status", "200")], true);
    assert_eq!(scene.said(&["request-"]), ["request- example.com ping GET 200 first 4ms all 4ms"]);
}

/// The message with which the loss shows is itself no part of it.
#[test]
fn what_is_told_after_a_loss_is_known() {
    let mut scene = Scene::with_readable_process();
    let conn = scene.connect(1, "10.0.0.1:443");
    for stream in [1, 3] {
        scene.ask(conn, stream, &request_fields("registry.example.com", "/v2/"));
        scene.answer(conn, stream, &[(":status", "200"), ("content-length", "9")], false);
    }
    scene.lose_event(conn);
    scene.end(conn, 1, Part::Complete, Amount::None);
    assert_eq!(
        scene.said(&["unattributed", "bytes", "request-"]),
        [
            "unattributed exchange_end_unknown",
            "request- example.com ping GET 200 first 3ms all -",
            "bytes example.com ping 9",
            "request- example.com ping GET 200 first 3ms all 11ms"
        ]
    );
}
