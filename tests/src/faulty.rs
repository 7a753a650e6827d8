//! A registry that fails on purpose: a mock, for what real servers won't do.
//!
//! It serves one image under any repository and tag as a registry would, and puts a fault wherever it is told to.

use std::fs;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::answer::Answer;
use crate::http::{Request, Service, close_with_reset};
use crate::images::{Blob, Image};
use crate::loopback::free_address;

/// The media type of a manifest (OCI image spec v1.0, media-types.md).
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Serves `image`; where `fault` gives an answer, that is sent instead.
#[track_caller]
pub fn serve(image: &Image, fault: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static) -> Service {
    serve_at(free_address(), image, fault)
}

/// Serves `image`, but of its first layer 1,000 bytes and then nothing more.
#[track_caller]
pub fn stalling(image: &Image) -> Service {
    let layer = image.layers[0].clone();
    serve(image, move |request| {
        request.path.ends_with(&layer.digest).then(|| blob(&layer).cut(1_000).then_stall())
    })
}

/// Like [`serve`], on a given address.
#[track_caller]
pub fn serve_at(
    address: SocketAddr,
    image: &Image,
    fault: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static,
) -> Service {
    let image = image.clone();
    Service::start(address, move |request| fault(request).unwrap_or_else(|| good_answer(&image, request)))
}

/// The whole of `blob`, as a good registry answers.
pub fn blob(blob: &Blob) -> Answer {
    let content = fs::read(&blob.file).expect("a blob stands on the disk");
    let fields = [("Content-Type", "application/octet-stream"), ("Docker-Content-Digest", &blob.digest)];
    Answer::new(200, &fields, content)
}

/// What a good registry that holds `image` answers.
fn good_answer(image: &Image, request: &Request) -> Answer {
    let last = request.path.rsplit('/').next().unwrap_or_default();
    let answer = if request.path == "/v2/" {
        Answer::new(200, &[("Docker-Distribution-Api-Version", "registry/2.0")], "{}")
    } else if request.path.contains("/manifests/") && (!last.contains(':') || last == image.manifest.digest) {
        let content = fs::read(&image.manifest.file).expect("a manifest stands on the disk");
        let fields = [("Content-Type", MANIFEST), ("Docker-Content-Digest", &image.manifest.digest)];
        Answer::new(200, &fields, content)
    } else if let Some(found) = image.blobs().find(|blob| blob.digest == last) {
        blob(found)
    } else {
        Answer::new(404, &[], "{}")
    };
    if request.method == "HEAD" { answer.without_body() } else { answer }
}

/// A server that accepts every connection and resets it at once.
pub struct Resetting {
    address: SocketAddr,
    accepted: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    acceptor: Option<JoinHandle<()>>,
}

impl Resetting {
    /// Starts it.
    #[track_caller]
    pub fn start() -> Self {
        let listener = TcpListener::bind(free_address()).expect("bind the address of a server");
        listener.set_nonblocking(true).expect("make a listener non-blocking");
        let address = listener.local_addr().expect("the address of a listener");
        let (accepted, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let acceptor = thread::spawn({
            let (accepted, stop) = (Arc::clone(&accepted), Arc::clone(&stop));
            move || reset_all(&listener, &accepted, &stop)
        });
        Self { address, accepted, stop, acceptor: Some(acceptor) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections it has reset.
    pub fn connections(&self) -> u64 {
        self.accepted.load(Ordering::SeqCst)
    }
}

fn reset_all(listener: &TcpListener, accepted: &AtomicU64, stop: &AtomicBool) {
    while !stop.load(Ordering::SeqCst) {
        match listener.accept() {
            Ok((stream, _)) => {
                accepted.fetch_add(1, Ordering::SeqCst);
                close_with_reset(&stream).expect("set the linger time");
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(Duration::from_millis(5)),
            Err(error) => panic!("accept: {error}"),
        }
    }
}

impl Drop for Resetting {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

#[cfg(test)]
mod tests;
