mod pulls;

use std::io::Read;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::status::ProbeState;
use super::*;
use crate::config::{ListenAddress, TelemetryPath};
use crate::metrics::Metrics;
use crate::metrics::labels::{AttachedStrategy, Probe};
use crate::pulls::PullLog;
use crate::targets::Targets;

/// A server on a free port of loopback.
struct Served {
    address: std::net::SocketAddr,
    status: Status,
    pulls: PullLog,
    stop: watch::Sender<bool>,
    server: tokio::task::JoinHandle<()>,
}

async fn served() -> Served {
    let address: ListenAddress = "127.0.0.1:0".parse().unwrap();
    let listeners = bind(&[address]).await.unwrap();
    let targets = Targets::new(Vec::new(), true).unwrap();
    let metrics = Arc::new(Metrics::new(&targets, &[], 10).unwrap());
    let pulls = PullLog::new(&targets, 10, Arc::clone(&metrics));
    let status = Status::new(Arc::clone(&metrics), "not yet");
    // Nobody refreshes the numbers: they are served as they are.
    let (refresh, _) = tokio::sync::mpsc::channel(1);
    let path = TelemetryPath::default();
    let pages = Arc::new(Pages::new(metrics, status.clone(), pulls.clone(), path, refresh));
    let (stop, stopped) = watch::channel(false);
    let address = listeners[0].local_addr().unwrap();
    Served { address, status, pulls, stop, server: tokio::spawn(serve(listeners, pages, stopped)) }
}

impl Served {
    /// Sends bytes, ends the stream, and reads the answer to its end: head and body.
    async fn raw(&self, request: &[u8]) -> (String, Vec<u8>) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // The server may answer and close before it has read everything.
        let _ = stream.write_all(request).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let end =
            answer.windows(4).position(|window| window == b"\r\n\r\n").map_or(answer.len(), |at| at + 4);
        let body = answer.split_off(end);
        (String::from_utf8(answer).unwrap().to_ascii_lowercase(), body)
    }

    async fn request(&self, method: &str, path: &str, fields: &str) -> (String, Vec<u8>) {
        let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{fields}\r\n");
        self.raw(request.as_bytes()).await
    }
}

#[tokio::test]
async fn metrics_are_served_plain_and_compressed() {
    let served = served().await;
    let (head, plain) = served.request("GET", "/metrics?x=y", "").await;
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    assert!(head.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"), "{head}");
    assert!(head.contains("vary: accept-encoding\r\n") && !head.contains("content-encoding"), "{head}");
    assert!(plain.starts_with(b"# HELP "));
    let (head, packed) =
        served.request("GET", "/metrics", "Accept-Encoding: br\r\nAccept-Encoding: gzip\r\n").await;
    assert!(head.contains("content-encoding: gzip\r\n"), "{head}");
    assert!(packed.len() * 4 < plain.len());
    let mut unpacked = String::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut unpacked).unwrap();
    assert!(unpacked.contains("\npullscope_build_info{"));
    let (head, _) = served.request("GET", "/metrics", "Accept-Encoding: gzip;q=0, *\r\n").await;
    assert!(!head.contains("content-encoding"), "{head}");
}

#[tokio::test]
async fn head_has_the_length_and_no_body() {
    let served = served().await;
    let (head, body) = served.request("HEAD", "/healthz", "").await;
    assert!(head.starts_with("http/1.1 200 ") && head.contains("content-length: 6\r\n"), "{head}");
    assert!(body.is_empty());
}

#[tokio::test]
async fn other_methods_and_paths_are_refused() {
    let served = served().await;
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "FOO"] {
        let (head, _) = served.request(method, "/metrics", "").await;
        assert!(
            head.starts_with("http/1.1 405 ") && head.contains("allow: get, head\r\n"),
            "{method}: {head}"
        );
    }
    for path in ["/metrics/", "/favicon.ico", "//", "/..%2f"] {
        let (head, _) = served.request("GET", path, "").await;
        assert!(head.starts_with("http/1.1 404 "), "{path}: {head}");
    }
}

#[tokio::test]
async fn it_is_ready_when_attached_and_draining() {
    let served = served().await;
    let ready = async || {
        let (head, body) = served.request("GET", "/readyz", "").await;
        (head[9..12].to_owned(), String::from_utf8(body).unwrap())
    };
    assert_eq!(ready().await, ("503".to_owned(), "not ready: not yet\n".to_owned()));
    served.status.attached(AttachedStrategy::Sock);
    assert_eq!(ready().await.1, "not ready: the ring buffer has not been drained yet\n");
    served.status.drained();
    assert_eq!(ready().await.1, "not ready: the programs on this machine are still being looked at\n");
    served.status.probed();
    assert_eq!(ready().await, ("200".to_owned(), "ready\n".to_owned()));
    let (_, metrics) = served.request("GET", "/metrics", "").await;
    assert!(String::from_utf8(metrics).unwrap().contains(r#"kernel_strategy="sock""#));
}

#[tokio::test]
async fn the_start_page_shows_the_state_and_escapes_it() {
    let served = served().await;
    served.status.probe(Probe("sock_recv_length"), ProbeState::Attached);
    served.status.probe(Probe("tcp_destroy_sock"), ProbeState::Detached("<b> & \"x\"".to_owned()));
    let (head, page) = served.request("GET", "/", "").await;
    let page = String::from_utf8(page).unwrap();
    assert!(head.contains("content-type: text/html") && head.contains("default-src 'none'"), "{head}");
    assert!(page.contains(r#"href="/metrics""#) && page.contains("not ready: not yet"));
    assert!(page.contains("sock_recv_length") && page.contains("&lt;b&gt; &amp; &quot;x&quot;"), "{page}");
    let (_, metrics) = served.request("GET", "/metrics", "").await;
    let metrics = String::from_utf8(metrics).unwrap();
    assert!(metrics.contains("pullscope_probe_attached{probe=\"sock_recv_length\"} 1\n"));
    assert!(metrics.contains("pullscope_probe_attached{probe=\"tcp_destroy_sock\"} 0\n"));
}

#[tokio::test]
async fn large_heads_and_nonsense_are_refused_and_the_next_is_served() {
    let served = served().await;
    let long = format!("X-Long: {}\r\n", "a".repeat(MAX_HEAD));
    let (head, _) = served.request("GET", "/healthz", &long).await;
    assert!(head.starts_with("http/1.1 431 "), "{head}");
    let (head, _) = served.request("GET", "/healthz", &"X: y\r\n".repeat(MAX_FIELDS + 1)).await;
    assert!(head.starts_with("http/1.1 431 "), "{head}");
    let (head, _) = served.raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 what is this\r\n\r\n").await;
    assert!(head.is_empty() || head.starts_with("http/1.1 400 "), "{head}");
    let (head, _) = served.request("GET", "/healthz", "").await;
    assert!(head.starts_with("http/1.1 200 "), "{head}");
}

#[tokio::test]
async fn further_connections_wait_for_a_place() {
    let served = served().await;
    let mut holders = Vec::new();
    for _ in 0..MAX_CONNECTIONS {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        // Its answer shows that it has its place, which keep-alive lets it keep.
        let mut byte = [0];
        stream.read_exact(&mut byte).await.unwrap();
        holders.push(stream);
    }
    let waiting = served.request("GET", "/healthz", "");
    let mut waiting = std::pin::pin!(waiting);
    // The runtime of this test has one thread: after these turns the server has done all that it can.
    for _ in 0..1000 {
        tokio::select! {
            biased;
            answer = &mut waiting => panic!("served past the limit: {answer:?}"),
            () = tokio::task::yield_now() => {}
        }
    }
    holders.pop();
    assert!(waiting.await.0.starts_with("http/1.1 200 "));
}

#[tokio::test]
async fn told_to_stop_it_ends_though_connections_are_open() {
    let served = served().await;
    let mut idle = TcpStream::connect(served.address).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\n").await.unwrap();
    tokio::task::yield_now().await;
    served.stop.send(true).unwrap();
    // Far more than it takes: only so that a server that does not stop fails the test instead of holding it.
    tokio::time::timeout(Duration::from_secs(60), served.server).await.expect("it stops").unwrap();
    let mut rest = Vec::new();
    // Closed or reset, but not open.
    let _ = idle.read_to_end(&mut rest).await;
    assert!(TcpStream::connect(served.address).await.is_err());
}

#[tokio::test]
async fn a_taken_port_is_told_in_one_sentence() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address: ListenAddress = taken.local_addr().unwrap().to_string().parse().unwrap();
    let failure = bind(std::slice::from_ref(&address)).await.unwrap_err();
    assert_eq!(failure.what(), format!("listening at {address}"));
    assert_eq!(failure.why(), "the port is taken by another program");
    assert_eq!(failure.status(), crate::failure::exit::FAILED);
}

#[tokio::test]
async fn every_form_of_address_can_be_listened_at() {
    let addresses: Vec<ListenAddress> =
        ["127.0.0.1:0", ":0", "localhost:0"].iter().map(|text| text.parse().unwrap()).collect();
    let listeners = bind(&addresses).await.unwrap();
    assert!(listeners[0].local_addr().unwrap().ip().is_loopback());
    assert!(listeners[1].local_addr().unwrap().ip().is_unspecified());
    assert!(listeners[2].local_addr().unwrap().ip().is_loopback());
    let foreign: ListenAddress = "192.0.2.1:0".parse().unwrap();
    assert_eq!(bind(&[foreign]).await.unwrap_err().why(), "this machine does not have that address");
}
