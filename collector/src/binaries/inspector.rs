//! Looks at program files in a thread of its own.
//!
//! A large Go program takes up to 150 ms of CPU time. The observer's thread could do it, and with an ordinary load the ring
//! buffer has room for what happens meanwhile; but who may start programs under a watched name could keep it busy for good
//! with one large file after another. So the observer goes on draining, and puts the probes in when it is told the places. A
//! request that the process makes until then is not read either way: no thread can be faster than the looking.

use std::fs::File;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use anyhow::Context;
use binary::{Program, Refusal};
use tokio::sync::Notify;

use super::stamp::Stamp;

/// A file to look at.
#[derive(Debug)]
pub struct Job {
    /// What the asker calls it.
    pub id: u64,
    /// The file.
    pub file: File,
    /// What it was like when it was found.
    pub stamp: Stamp,
}

/// A file that was looked at.
#[derive(Debug)]
pub struct Done {
    /// What was asked.
    pub job: Job,
    /// What there is to probe.
    pub result: Result<Program, Refusal>,
}

/// The thread. It ends when this is dropped, after the file that it is at.
pub struct Inspector {
    jobs: Sender<Job>,
    done: Receiver<Done>,
    told: Arc<Notify>,
}

impl Inspector {
    /// Starts the thread, which looks at files by `inspect`.
    pub fn start(
        inspect: impl Fn(&File) -> Result<Program, Refusal> + Send + 'static,
    ) -> anyhow::Result<Self> {
        let (jobs, asked) = channel::<Job>();
        let (answers, done) = channel();
        let told = Arc::new(Notify::new());
        let tell = Arc::clone(&told);
        let work = move || {
            while let Ok(job) = asked.recv() {
                let result = inspect(&job.file);
                if answers.send(Done { job, result }).is_err() {
                    return;
                }
                tell.notify_one();
            }
        };
        std::thread::Builder::new()
            .name("inspector".to_owned())
            .spawn(work)
            .context("cannot start a thread that looks at programs")?;
        Ok(Self { jobs, done, told })
    }

    /// Has a file looked at. False if that cannot be, since the thread is gone.
    pub fn submit(&self, job: Job) -> bool {
        self.jobs.send(job).is_ok()
    }

    /// The next file that was looked at, if there is one.
    pub fn done(&self) -> Option<Done> {
        self.done.try_recv().ok()
    }

    /// To wait for the next one.
    pub fn told(&self) -> Arc<Notify> {
        Arc::clone(&self.told)
    }
}
