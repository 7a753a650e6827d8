//! The files of the machine that checks read, below a root that tests can choose.

use std::io;
use std::path::{Path, PathBuf};

use crate::binaries::places::Places;
use crate::model::event::Pid;

/// Longest file that is read, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// The machine.
pub struct Host {
    root: PathBuf,
}

impl Host {
    /// The machine whose files are below `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The file at an absolute path.
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// Its text; bytes that are no UTF-8 are replaced.
    pub fn read(&self, path: &str) -> io::Result<String> {
        use std::io::Read;
        let mut bytes = Vec::new();
        std::fs::File::open(self.path(path))?.take(MAX_FILE).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Where a symbolic link points.
    pub fn link(&self, path: &str) -> io::Result<String> {
        Ok(std::fs::read_link(self.path(path))?.to_string_lossy().into_owned())
    }

    /// Whether there is such a file.
    pub fn has(&self, path: &str) -> bool {
        self.path(path).exists()
    }

    /// The value of a field in `/proc/self/status`.
    pub fn own_status(&self, field: &str) -> Option<String> {
        let text = self.read("/proc/self/status").ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
        Some(line.trim().to_owned())
    }

    /// The kernel's release, such as `6.1.0-18-amd64`.
    pub fn release(&self) -> Option<String> {
        Some(self.read("/proc/sys/kernel/osrelease").ok()?.trim().to_owned())
    }

    /// Where programs are looked for.
    pub fn places(&self) -> Places {
        if self.root == Path::new("/") { Places::host() } else { Places::below(&self.root) }
    }

    /// The processes that run now, each with its comm.
    pub fn processes(&self) -> Vec<(Pid, String)> {
        let Ok(entries) = std::fs::read_dir(self.path("/proc")) else {
            return Vec::new();
        };
        let process = |entry: std::fs::DirEntry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let comm = std::fs::read_to_string(entry.path().join("comm")).ok()?;
            Some((pid, comm.trim_end_matches('\n').to_owned()))
        };
        entries.flatten().filter_map(process).collect()
    }
}
