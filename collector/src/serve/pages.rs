//! What is answered to a request.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::Full;
use hyper::header::{
    ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    HeaderMap, HeaderValue, VARY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::{mpsc, oneshot};

use super::encoding::accepts_gzip;
use super::landing;
use super::status::Status;
use crate::config::TelemetryPath;
use crate::metrics::{Metrics, TEXT_FORMAT};
use crate::observer::schedule::Refresh;

const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";

/// All that the answers are made of.
pub struct Pages {
    /// The numbers.
    pub metrics: Arc<Metrics>,
    /// How pullscope is.
    pub status: Status,
    /// Where the numbers are served.
    pub telemetry_path: TelemetryPath,
    /// Asks for the numbers to be brought up to date.
    pub refresh: mpsc::Sender<Refresh>,
}

/// A scrape waits so long for fresh numbers; then it gets those that are there.
const REFRESH_TIMEOUT: Duration = Duration::from_secs(2);

impl Pages {
    /// The answer to a request. The body of a request is never read; hyper leaves the answer's out for HEAD.
    pub async fn answer<B>(self: Arc<Self>, request: Request<B>) -> Response<Full<Bytes>> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
            refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return refused;
        }
        let path = request.uri().path();
        if path == self.telemetry_path.as_str() {
            let gzip = wants_gzip(request.headers());
            self.refresh().await;
            // Off the event loop: thousands of series take milliseconds.
            let rendered = tokio::task::spawn_blocking(move || self.metrics(gzip)).await;
            return match rendered {
                Ok(Ok(response)) => response,
                _ => text(StatusCode::INTERNAL_SERVER_ERROR, "the metrics could not be written\n"),
            };
        }
        match path {
            "/healthz" => text(StatusCode::OK, "alive\n"),
            "/readyz" => match self.status.snapshot().ready {
                Ok(()) => text(StatusCode::OK, "ready\n"),
                Err(reason) => text(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {reason}\n")),
            },
            "/" => page(
                StatusCode::OK,
                HTML,
                landing::html(&self.status.snapshot(), self.telemetry_path.as_str()),
            ),
            _ => text(StatusCode::NOT_FOUND, "nothing here; the start page is /\n"),
        }
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

    fn metrics(&self, gzip: bool) -> io::Result<Response<Full<Bytes>>> {
        let body = if gzip {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            self.metrics.write(io::BufWriter::new(&mut encoder))?;
            encoder.finish()?
        } else {
            let mut body = Vec::new();
            self.metrics.write(&mut body)?;
            body.flush()?;
            body
        };
        let mut response = page(StatusCode::OK, TEXT_FORMAT, body);
        let headers = response.headers_mut();
        headers.insert(VARY, HeaderValue::from_name(ACCEPT_ENCODING));
        if gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        Ok(response)
    }
}

fn wants_gzip(headers: &HeaderMap) -> bool {
    // Several fields of one name are one list (RFC 9110 section 5.3).
    let fields: Vec<&str> =
        headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok()).collect();
    accepts_gzip(&fields.join(","))
}

fn text(status: StatusCode, body: impl Into<String>) -> Response<Full<Bytes>> {
    page(status, TEXT, body.into())
}

fn page(status: StatusCode, media_type: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
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
