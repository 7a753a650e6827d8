//! The pull log over HTTP.

use tokio::io::{AsyncBufReadExt, BufReader};
use wire::registry::RegistryLabel;

use super::*;
use crate::model::event::TargetId;
use crate::model::pull::record::{
    Isolation, Known, PullEnd, PullId, PullRecord, PullStatus, Source, Trigger,
};
use crate::serve::pages::MAX_STREAMS;

fn pull(id: u64, ended: bool) -> PullRecord {
    PullRecord {
        id: PullId(id),
        runtime: TargetId(0),
        pid: 1,
        source: Source::Cri,
        image: Some("example.com/a\nb:v1".to_owned()),
        digest: None,
        registry: RegistryLabel::Name("example.com".into()),
        isolation: Isolation("runc".into()),
        trigger: Trigger::Warmup,
        has_creds: Known::No,
        on_disk: Known::Unknown,
        began: 1_000_000_000,
        end: ended.then_some(PullEnd { time: 3_000_000_000, status: PullStatus::Ok, trouble: None }),
        bytes: 10,
        phases: Vec::new(),
        phases_left_out: 0,
        named: None,
    }
}

/// Status, and the body as JSON.
async fn json(served: &Served, path: &str) -> (String, serde_json::Value) {
    let (head, body) = served.request("GET", path, "").await;
    assert!(head.contains("content-type: application/json\r\n"), "{head}");
    (head[9..12].to_owned(), serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn pulls_are_listed_newest_first_and_one_by_one() {
    let served = served().await;
    assert_eq!(json(&served, "/api/v1/pulls").await.1.to_string(), r#"{"pulls":[]}"#);
    served.pulls.record(pull(1, true));
    served.pulls.record(pull(2, false));
    let (status, list) = json(&served, "/api/v1/pulls").await;
    assert_eq!(
        (status.as_str(), &list["pulls"][0]["id"], &list["pulls"][1]["id"]),
        ("200", &2.into(), &1.into())
    );
    let (_, list) = json(&served, "/api/v1/pulls?state=ended&limit=5&registry=example.com").await;
    let (_, one) = json(&served, "/api/v1/pulls/1").await;
    assert_eq!(list["pulls"], serde_json::json!([one]));
    assert_eq!((&one["image"], &one["duration_seconds"]), (&"example.com/a\nb:v1".into(), &2.0.into()));
}

#[tokio::test]
async fn pulls_are_compressed_when_asked_for() {
    let served = served().await;
    for id in 1..10 {
        served.pulls.record(pull(id, true));
    }
    let (_, plain) = served.request("GET", "/api/v1/pulls", "").await;
    let (head, packed) = served.request("GET", "/api/v1/pulls", "Accept-Encoding: gzip\r\n").await;
    assert!(head.contains("content-encoding: gzip\r\n") && head.contains("vary: accept-encoding"), "{head}");
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, plain);
}

#[tokio::test]
async fn wrong_questions_are_answered_in_a_sentence() {
    let served = served().await;
    served.pulls.record(pull(1, true));
    for (path, status, says) in [
        ("/api/v1/pulls?state=x", "400", "the parameter state is running or ended\n"),
        ("/api/v1/pulls?limit=-1", "400", "the parameter limit is a number from 1\n"),
        ("/api/v1/pulls?x", "400", "the parameters are state, limit, runtime and registry\n"),
        ("/api/v1/pulls/2", "404", "there is no such pull, or it is forgotten\n"),
        ("/api/v1/pulls/+1", "404", "nothing here; the start page is /\n"),
        ("/api/v1/pulls/", "404", "nothing here; the start page is /\n"),
        ("/api/v1/pulls/1/", "404", "nothing here; the start page is /\n"),
        ("/api/v1/pullsx", "404", "nothing here; the start page is /\n"),
        ("/api/v1", "404", "nothing here; the start page is /\n"),
    ] {
        let (head, body) = served.request("GET", path, "").await;
        assert_eq!((&head[9..12], String::from_utf8(body).unwrap().as_str()), (status, says), "{path}");
    }
}

/// A reader of the stream.
struct Reader(BufReader<TcpStream>);

impl Reader {
    /// Asks for the stream, and reads the head of the answer.
    async fn of(served: &Served, fields: &str) -> (Self, String) {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        let request = format!("GET /api/v1/pulls/stream HTTP/1.1\r\nHost: x\r\n{fields}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let (mut reader, mut head) = (Self(BufReader::new(stream)), String::new());
        while reader.0.read_line(&mut head).await.unwrap() > 2 {}
        (reader, head.to_ascii_lowercase())
    }

    /// One chunk of the answer (RFC 9112 section 7.1), which is one event; empty at the end of it.
    async fn chunk(&mut self) -> String {
        let mut size = String::new();
        self.0.read_line(&mut size).await.unwrap();
        let mut bytes = vec![0; usize::from_str_radix(size.trim(), 16).unwrap() + 2];
        self.0.read_exact(&mut bytes).await.unwrap();
        String::from_utf8(bytes).unwrap().trim_end_matches("\r\n").to_owned()
    }

    /// The next event's number and its pull; its duration grows, and is not compared.
    async fn pull(&mut self) -> (String, serde_json::Value) {
        let chunk = self.chunk().await;
        let lines: Vec<&str> = chunk.split('\n').collect();
        let ["event: pull", number, data, "", ""] = lines[..] else { panic!("{chunk:?}") };
        let data = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        (number.strip_prefix("id: ").unwrap().to_owned(), data)
    }
}

#[tokio::test]
async fn changes_come_as_events_and_are_what_the_list_says() {
    let served = served().await;
    served.pulls.record(pull(1, true));
    served.pulls.record(pull(2, false));
    let (mut reader, head) = Reader::of(&served, "").await;
    assert!(
        head.starts_with("http/1.1 200 ") && head.contains("content-type: text/event-stream\r\n"),
        "{head}"
    );
    let (number, going_on) = reader.pull().await;
    assert_eq!((number.as_str(), &going_on["id"], &going_on["state"]), ("2", &2.into(), &"running".into()));
    served.pulls.record(pull(2, true));
    let (number, ended) = reader.pull().await;
    assert_eq!((number, ended), ("3".to_owned(), json(&served, "/api/v1/pulls/2").await.1));
}

#[tokio::test]
async fn a_reader_that_comes_again_goes_on_where_it_was() {
    let served = served().await;
    for id in 1..=3 {
        served.pulls.record(pull(id, true));
    }
    let (mut reader, _) = Reader::of(&served, "Last-Event-ID: 2\r\n").await;
    assert_eq!(reader.pull().await.0, "3");
}

#[tokio::test]
async fn a_slow_reader_is_told_what_it_missed() {
    let served = served().await;
    served.pulls.record(pull(1, false));
    let (mut reader, _) = Reader::of(&served, "").await;
    reader.pull().await;
    // All in one turn of the runtime's one thread: the stream cannot take any of them meanwhile.
    for id in 2..=258 {
        served.pulls.record(pull(id, true));
    }
    assert_eq!(reader.chunk().await, "event: missed\ndata: {\"missed\":1}\n\n");
    assert_eq!(reader.pull().await.1["id"], 3);
}

#[tokio::test]
async fn a_stream_without_changes_says_that_it_is_there() {
    let served = served().await;
    let (mut reader, _) = Reader::of(&served, "").await;
    // From here on the runtime's clock jumps to what falls due next.
    tokio::time::pause();
    assert_eq!(reader.chunk().await, ": still here\n\n");
    tokio::time::resume();
    served.pulls.record(pull(1, true));
    assert_eq!(reader.pull().await.0, "1");
}

#[tokio::test]
async fn streams_have_so_many_places_and_give_them_back() {
    let served = served().await;
    let mut readers = Vec::new();
    for _ in 0..MAX_STREAMS {
        readers.push(Reader::of(&served, "").await.0);
    }
    let (_, refused) = Reader::of(&served, "").await;
    assert!(refused.starts_with("http/1.1 503 ") && refused.contains("retry-after: "), "{refused}");
    let (head, _) = served.request("GET", "/healthz", "").await;
    assert!(head.starts_with("http/1.1 200 "), "other pages have places: {head}");
    readers.pop();
    // The server sees the end of the connection in its own time.
    let served_again = async { while !Reader::of(&served, "").await.1.starts_with("http/1.1 200 ") {} };
    tokio::time::timeout(Duration::from_secs(60), served_again).await.expect("the place is given back");
}

#[tokio::test]
async fn a_question_for_the_head_of_a_stream_takes_no_place() {
    let served = served().await;
    for _ in 0..=MAX_STREAMS {
        let (head, body) = served.request("HEAD", "/api/v1/pulls/stream", "").await;
        assert!(head.starts_with("http/1.1 200 ") && body.is_empty(), "{head}");
    }
}

#[tokio::test]
async fn streams_end_when_pullscope_stops() {
    let served = served().await;
    let (mut reader, _) = Reader::of(&served, "").await;
    served.stop.send(true).unwrap();
    // The last chunk: the answer has come to its end, and was not cut.
    assert_eq!(reader.chunk().await, "");
    tokio::time::timeout(Duration::from_secs(60), served.server).await.expect("it stops").unwrap();
}
