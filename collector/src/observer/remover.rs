//! Takes probes out of files, in threads of its own.
//!
//! The kernel waits for a grace period before it gives a link of probes back (`uprobe_unregister_sync`,
//! kernel/events/uprobes.c), which can take a tenth of a second. The observer's thread, which has the ring buffer to drain, does
//! not wait for it; and when pullscope stops, many files are waited for at once.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::kernel::uprobes::Instrumented;

/// Most threads at once. Whoever comes then waits for itself.
const MAX_THREADS: usize = 64;

/// Takes probes out. Dropping it waits until all are gone that were to go.
#[derive(Default)]
pub struct Remover {
    threads: Arc<Threads>,
}

/// Probes that are taken out by a thread when this is dropped.
pub struct Probes {
    instrumented: Option<Instrumented>,
    threads: Arc<Threads>,
}

#[derive(Default)]
struct Threads {
    running: Mutex<usize>,
    fewer: Condvar,
}

/// A thread that runs; dropped when it ends, however it ends.
struct Running(Arc<Threads>);

impl Remover {
    /// Has these probes taken out by a thread when their time has come.
    pub fn take(&self, instrumented: Instrumented) -> Probes {
        Probes { instrumented: Some(instrumented), threads: Arc::clone(&self.threads) }
    }
}

impl Threads {
    fn running(&self) -> MutexGuard<'_, usize> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Probes {
    fn drop(&mut self) {
        let Some(instrumented) = self.instrumented.take() else { return };
        let mut running = self.threads.running();
        if *running >= MAX_THREADS {
            drop(running);
            return drop(instrumented);
        }
        *running += 1;
        drop(running);
        let running = Running(Arc::clone(&self.threads));
        let remove = move || {
            drop(instrumented);
            drop(running);
        };
        // Where no thread can be started, what was to be moved into it is dropped here.
        let _ = thread::Builder::new().name("remover".to_owned()).spawn(remove);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        *self.0.running() -= 1;
        self.0.fewer.notify_all();
    }
}

impl Drop for Remover {
    fn drop(&mut self) {
        let mut running = self.threads.running();
        while *running > 0 {
            running = self.threads.fewer.wait(running).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
