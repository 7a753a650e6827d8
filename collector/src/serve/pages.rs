//! What is answered to a request.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::header::{
    ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    HeaderMap, HeaderValue, RETRY_AFTER, VARY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use super::body::{Body, whole};
use super::encoding::accepts_gzip;
use super::status::Status;
use super::{api, events, landing};
use crate::config::TelemetryPath;
use crate::metrics::{Metrics, TEXT_FORMAT};
use crate::observer::schedule::Refresh;
use crate::pulls::PullLog;

const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";
/// Server-sent events are UTF-8 always (HTML Living Standard, section 9.2).
const EVENTS: &str = "text/event-stream";

/// Most streams of events at once: the other places for connections are for those who ask for one answer.
pub const MAX_STREAMS: usize = 16;

/// All that the answers are made of.
pub struct Pages {
    metrics: Arc<Metrics>,
    status: Status,
    pulls: PullLog,
    telemetry_path: TelemetryPath,
    refresh: mpsc::Sender<Refresh>,
    streams: Arc<Semaphore>,
}

/// A scrape waits so long for fresh numbers; then it gets those that are there.
const REFRESH_TIMEOUT: Duration = Duration::from_secs(2);

impl Pages {
    /// Answers with these numbers, this state and these pulls; the numbers at that path. `refresh` asks for numbers and
    /// pulls to be brought up to date.
    pub fn new(
        metrics: Arc<Metrics>,
        status: Status,
        pulls: PullLog,
        telemetry_path: TelemetryPath,
        refresh: mpsc::Sender<Refresh>,
    ) -> Self {
        Self {
            metrics,
            status,
            pulls,
            telemetry_path,
            refresh,
            streams: Arc::new(Semaphore::new(MAX_STREAMS)),
        }
    }

    /// The answer to a request. The body of a request is never read; hyper leaves the answer's out for HEAD. An answer that is
    /// a stream ends when `stop` turns true.
    pub async fn answer<B>(
        self: Arc<Self>,
        request: Request<B>,
        stop: watch::Receiver<bool>,
    ) -> Response<Body> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
            refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return refused;
        }
        let path = request.uri().path();
        if path == self.telemetry_path.as_str() {
            let gzip = wants_gzip(request.headers());
            self.refresh().await;
            return rendered(move || packed(TEXT_FORMAT, gzip, |to| self.metrics.write(to))).await;
        }
        match path {
            "/healthz" => text(StatusCode::OK, "alive\n"),
            "/readyz" => match self.status.snapshot().ready {
                Ok(()) => text(StatusCode::OK, "ready\n"),
                Err(reason) => text(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {reason}\n")),
            },
            "/" => {
                let html = landing::html(&self.status.snapshot(), self.telemetry_path.as_str());
                page(StatusCode::OK, HTML, whole(html))
            }
            _ => self.api(&request, stop).await,
        }
    }

    /// The answer to a request for pulls, or for nothing that there is.
    async fn api<B>(self: Arc<Self>, request: &Request<B>, stop: watch::Receiver<bool>) -> Response<Body> {
        match request.uri().path() {
            api::PULLS => match api::filter(request.uri().query()) {
                Ok(filter) => {
                    let gzip = wants_gzip(request.headers());
                    self.refresh().await;
                    rendered(move || packed(JSON, gzip, |to| api::list(&self.pulls, &filter, to))).await
                }
                Err(reason) => text(StatusCode::BAD_REQUEST, format!("{reason}\n")),
            },
            api::STREAM => self.stream(request.headers(), stop),
            path => {
                let Some(id) = api::number(path) else {
                    return text(StatusCode::NOT_FOUND, "nothing here; the start page is /\n");
                };
                self.refresh().await;
                match self.pulls.get(id) {
                    Some(pull) => page(StatusCode::OK, JSON, whole(api::one(&pull))),
                    None => text(StatusCode::NOT_FOUND, "there is no such pull, or it is forgotten\n"),
                }
            }
        }
    }

    /// Changes of pulls as they come, if there is a place.
    fn stream(&self, headers: &HeaderMap, stop: watch::Receiver<bool>) -> Response<Body> {
        let Ok(place) = Arc::clone(&self.streams).try_acquire_owned() else {
            let reason = format!("all {MAX_STREAMS} places for streams are taken\n");
            let mut refused = text(StatusCode::SERVICE_UNAVAILABLE, reason);
            refused.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("15"));
            return refused;
        };
        let changes = self.pulls.subscribe(api::last_event(headers));
        page(StatusCode::OK, EVENTS, events::body(changes, place, stop))
    }

    /// Has the numbers brought up to date. Where nobody does it any more, they stay as they are.
    async fn refresh(&self) {
        let (done, refreshed) = oneshot::channel();
        let refresh = async {
            if self.refresh.send(done).await.is_ok() {
                let _ = refreshed.await;
            }
        };
        if tokio::time::timeout(REFRESH_TIMEOUT, refresh).await.is_err() {
            tracing::warn!("a scrape got numbers that are not fresh");
        }
    }
}

/// What `render` makes, off the event loop: thousands of series or pulls take milliseconds.
async fn rendered(render: impl FnOnce() -> io::Result<Response<Body>> + Send + 'static) -> Response<Body> {
    match tokio::task::spawn_blocking(render).await {
        Ok(Ok(response)) => response,
        _ => text(StatusCode::INTERNAL_SERVER_ERROR, "the answer could not be written\n"),
    }
}

/// A page of what is written, compressed if wanted.
fn packed(
    media_type: &'static str,
    gzip: bool,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<Response<Body>> {
    let body = if gzip {
        let mut encoder = io::BufWriter::new(GzEncoder::new(Vec::new(), Compression::fast()));
        write(&mut encoder)?;
        encoder.into_inner()?.finish()?
    } else {
        let mut body = Vec::new();
        write(&mut body)?;
        body
    };
    let mut response = page(StatusCode::OK, media_type, whole(body));
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_name(ACCEPT_ENCODING));
    if gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(response)
}

fn wants_gzip(headers: &HeaderMap) -> bool {
    // Several fields of one name are one list (RFC 9110 section 5.3).
    let fields: Vec<&str> =
        headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok()).collect();
    accepts_gzip(&fields.join(","))
}

fn text(status: StatusCode, body: impl Into<String>) -> Response<Body> {
    page(status, TEXT, whole(body.into()))
}

fn page(status: StatusCode, media_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // The start page brings its own style and loads nothing.
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    );
    response
}
