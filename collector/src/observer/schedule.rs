//! When to drain, when to ask, when to sleep.
//!
//! While there is traffic the ring buffer is drained on a short timer, since a wakeup per record would cost the watched
//! processes more than all the rest. After a moment without any, the collector tells the kernel programs that it sleeps, and
//! the next record wakes it.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::{mpsc, oneshot, watch};

use super::Observer;
use crate::notify::Notifier;
use crate::serve::Status;

/// Time between two drains while there is traffic.
const DRAIN_EVERY: Duration = Duration::from_millis(10);
/// Time between two questions after what is in progress.
const POLL_EVERY: Duration = Duration::from_millis(100);
/// Time between two looks while nothing is going on.
const IDLE_EVERY: Duration = Duration::from_secs(1);
/// Time between two sweeps, unless a process has ended.
const SWEEP_EVERY: Duration = Duration::from_secs(10);
/// Empty drains before sleep.
const QUIET: u32 = 10;

/// Asks the observer to bring every number up to date, and tells when that is done.
pub type Refresh = oneshot::Sender<()>;

/// Runs the observer until `stop`.
pub async fn run(
    mut observer: Observer,
    status: Status,
    mut notifier: Notifier,
    mut refreshes: mpsc::Receiver<Refresh>,
    mut stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let events = wait_for(observer.programs().events.as_fd(), "the kernel's ring buffer")?;
    let overwritten = wait_for(observer.binaries().changes(), "writes to program files")?;
    let looked_at = observer.binaries().told();
    let (mut polled, mut swept) = (Instant::now(), Instant::now());
    let mut quiet = 0;
    loop {
        let taken = observer.drain();
        status.drained();
        if !observer.binaries().is_starting() {
            status.probed();
        }
        notifier.starting(|| status.snapshot());
        notifier.alive();
        quiet = if taken > 0 { 0 } else { u32::min(quiet + 1, QUIET) };
        if polled.elapsed() >= POLL_EVERY {
            observer.poll();
            polled = Instant::now();
        }
        if swept.elapsed() >= if observer.sweep_due() { IDLE_EVERY } else { SWEEP_EVERY } {
            observer.sweep();
            swept = Instant::now();
        }
        let asleep = quiet >= QUIET;
        if asleep {
            observer.programs().sleeping.store(0, 1);
            // A record that came before the programs knew is not lost for a second.
            if observer.drain() > 0 {
                quiet = 0;
                continue;
            }
        }
        let pause = match (asleep, observer.is_busy()) {
            (false, _) => DRAIN_EVERY,
            (true, true) => POLL_EVERY,
            (true, false) => IDLE_EVERY,
        };
        let pause = pause.min(notifier.within());
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => {
                notifier.stopping();
                return Ok(());
            }
            Some(done) = refreshes.recv() => {
                observer.refresh();
                // Who asked may have gone meanwhile.
                let _ = done.send(());
            }
            ready = events.readable() => ready?.clear_ready(),
            ready = overwritten.readable() => ready?.clear_ready(),
            () = looked_at.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
        observer.programs().sleeping.store(0, 0);
    }
}

/// A descriptor of its own, to wait on until it can be read from.
fn wait_for(events: BorrowedFd<'_>, what: &str) -> anyhow::Result<AsyncFd<OwnedFd>> {
    let events = events.try_clone_to_owned()?;
    // SAFETY: the descriptor is owned by what waits on it, and an `OwnedFd` is always the same descriptor.
    unsafe { AsyncFd::register_with_interest(events, Interest::READABLE) }
        .map_err(|error| anyhow!(error.into_parts().1).context(format!("cannot wait for {what}")))
}
