//! Tells when a file with probes is written to.
//!
//! The kernel keeps the instructions that it has put probes in the place of, and puts the probes into whatever is at these
//! offsets when the file is mapped again (kernel/events/uprobes.c: `prepare_uprobe` copies an instruction once, `uprobe_mmap`
//! installs). In a program that was overwritten in place they would break it. Package managers never do that, they put a new
//! file in the old one's place; `cp` does. The kernel tells of it before the writer can have closed the file, and until then
//! nobody can run it (fs/exec.c: `ETXTBSY`).

use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::inotify::{self, CreateFlags, Reader, WatchFlags};

/// Room for some events: those of a file that is not a directory have no name behind them.
const BUFFER: usize = 1024;

/// Watches files.
pub struct Changes {
    inotify: OwnedFd,
}

/// A watched file, until it is [let go](Changes::forget).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watched(i32);

impl Changes {
    /// Watches nothing yet.
    pub fn new() -> io::Result<Self> {
        Ok(Self { inotify: inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)? })
    }

    /// Watches an open file.
    pub fn watch(&self, file: &File) -> io::Result<Watched> {
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        Ok(Watched(inotify::add_watch(&self.inotify, path, WatchFlags::MODIFY)?))
    }

    /// No longer watches a file.
    pub fn forget(&self, watched: Watched) {
        // It fails where the kernel has let go of the file before, as when its file system is unmounted.
        let _ = inotify::remove_watch(&self.inotify, watched.0);
    }

    /// Whether any file was written to since the last call. Which one, its stamp tells.
    pub fn any(&self) -> bool {
        let mut buffer = [MaybeUninit::uninit(); BUFFER];
        let mut events = Reader::new(&self.inotify, &mut buffer);
        let mut any = false;
        while events.next().is_ok() {
            any = true;
        }
        any
    }

    /// Can be read from when there is something to tell.
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}
