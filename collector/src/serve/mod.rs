//! Serves metrics, state and the pull log over HTTP/1.1.
//!
//! Whoever can reach the address is a stranger: heads are bounded in size and time, so is the wait for a client that does
//! not read, and so is the number of connections. Bodies of requests are never read.

mod api;
mod body;
mod encoding;
mod events;
mod landing;
mod listen;
mod pages;
pub mod status;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;

pub use listen::bind;
pub use pages::Pages;
pub use status::Status;

/// Most connections at once, over all addresses. Further ones wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 64;

/// Until a whole head has come, also on a connection that waits for its next request. Short, so that nobody can hold
/// the places of others for long.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// A client that takes nothing of its answer for so long is gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// Largest head in bytes.
const MAX_HEAD: usize = 16 * 1024;

/// Most header fields.
const MAX_FIELDS: usize = 64;

/// Time that open connections get to finish when the program stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// Serves on all listeners until `stop` turns true; then stops accepting, lets running answers finish for a second, and
/// returns.
pub async fn serve(listeners: Vec<TcpListener>, pages: Arc<Pages>, stop: watch::Receiver<bool>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut accepting = JoinSet::new();
    for listener in listeners {
        accepting.spawn(accept(listener, Arc::clone(&pages), Arc::clone(&places), stop.clone()));
    }
    while accepting.join_next().await.is_some() {}
}

/// Accepts connections of one listener until `stop` turns true, then waits for them.
async fn accept(
    listener: TcpListener,
    pages: Arc<Pages>,
    places: Arc<Semaphore>,
    mut stop: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            () = told_to(&mut stop) => break,
            Some(_) = connections.join_next() => continue,
            next = next => next,
        };
        match accepted {
            Ok((stream, _)) => {
                let (pages, stop) = (Arc::clone(&pages), stop.clone());
                connections.spawn(async move {
                    let _place = place;
                    connection(stream, pages, stop).await;
                });
            }
            Err(error) => {
                // Out of descriptors or memory, or the client was gone at once: none of it ends the server.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    let finish = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(STOP_TIMEOUT, finish).await.is_err() {
        tracing::info!("connections that were still open were closed");
    }
}

/// Serves one connection to its end. What ends it is the client's affair and no error of ours.
async fn connection(stream: TcpStream, pages: Arc<Pages>, mut stop: watch::Receiver<bool>) {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIMEOUT));
    let stopped = stop.clone();
    let service = service_fn(move |request| {
        let (pages, stop) = (Arc::clone(&pages), stopped.clone());
        async move { Ok::<_, Infallible>(pages.answer(request, stop).await) }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_FIELDS)
        .serve_connection(TokioIo::new(Box::pin(stream)), service);
    let mut serving = std::pin::pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = told_to(&mut stop) => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a client's connection ended early");
    }
}

/// Waits until `stop` turns true, or nobody is left who could turn it.
async fn told_to(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}
