//! Where program files are: at known paths of the host, and behind running processes.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use procfs::process::{MMapPath, Process};
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat2};

use crate::model::event::Pid;

/// Where programs are, beside what PATH names: a service's PATH is often short.
const PROGRAMS: [&str; 7] =
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin", "/opt/bin"];

/// Where shared libraries are: the loader's own folders, those of Debian's multiarch, and those for what is built by hand.
const LIBRARIES: [&str; 8] = [
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/local/lib",
    "/usr/local/lib64",
];

/// What the file of OpenSSL's TLS library is called, before its version.
const LIBSSL: &str = "libssl.so";

/// Most files of that library that one process, or the host, is asked for.
const MAX_LIBRARIES: usize = 8;

/// An open program or library file.
#[derive(Debug)]
pub struct Found {
    /// Where it was, for people.
    pub path: String,
    /// The file.
    pub file: File,
}

/// The file systems in which files are looked for.
pub struct Places {
    proc: PathBuf,
    root: PathBuf,
}

impl Places {
    /// Those of the host: pullscope itself may be in a container.
    pub fn host() -> Self {
        let root = Path::new("/proc/1/root");
        // Without the right to look there, what this process sees has to do.
        let root = if root.join("proc").exists() { root } else { Path::new("/") };
        Self { proc: "/proc".into(), root: root.into() }
    }

    /// Those below a folder that has a `proc` of its own.
    pub fn below(root: &Path) -> Self {
        Self { proc: root.join("proc"), root: root.into() }
    }

    /// The files that a program of that name is run from, by the folders of PATH and the usual ones. One file may be there
    /// several times.
    pub fn programs(&self, name: &str) -> Vec<Found> {
        let path = std::env::var("PATH").unwrap_or_default();
        let folders = path.split(':').filter(|folder| folder.starts_with('/')).chain(PROGRAMS);
        folders.filter_map(|folder| self.open(format!("{folder}/{name}")).ok()).collect()
    }

    /// The host's own copies of OpenSSL's library.
    pub fn libraries(&self) -> Vec<Found> {
        let mut found = Vec::new();
        for folder in LIBRARIES {
            let Ok(entries) = std::fs::read_dir(self.root.join(folder.trim_start_matches('/'))) else {
                continue;
            };
            for entry in entries.flatten() {
                let name = entry.file_name();
                let Some(name) = name.to_str().filter(|name| name.starts_with(LIBSSL)) else { continue };
                found.extend(self.open(format!("{folder}/{name}")));
            }
        }
        found
    }

    /// The file that a process runs.
    pub fn executable(&self, pid: Pid) -> io::Result<Found> {
        let link = self.proc.join(pid.to_string()).join("exe");
        let path = std::fs::read_link(&link).unwrap_or_else(|_| link.clone());
        Ok(Found { path: path.to_string_lossy().into_owned(), file: open(&link, None)? })
    }

    /// Whether a process sees the file systems of the host, or those of pullscope itself, which live as long as it does: not
    /// those of another container. `None` for one that has ended: it has no namespaces any more.
    pub fn is_at_home(&self, pid: Pid) -> Option<bool> {
        let namespace = |process: &str| std::fs::read_link(self.proc.join(process).join("ns/mnt")).ok();
        let its = namespace(&pid.to_string())?;
        Some(["1", "self"].into_iter().any(|home| namespace(home).as_ref() == Some(&its)))
    }

    /// The copies of OpenSSL's library that a process has in its memory.
    pub fn mapped_libraries(&self, pid: Pid) -> io::Result<Vec<Found>> {
        let folder = self.proc.join(pid.to_string());
        let maps = Process::new_with_root(folder.clone())
            .and_then(|process| process.maps())
            .map_err(|error| io::Error::other(error.to_string()))?;
        let mut seen = Vec::new();
        let mut found = Vec::new();
        let mut has_memory = false;
        for map in maps {
            has_memory = true;
            let MMapPath::Path(path) = map.pathname else { continue };
            let file = (map.dev, map.inode);
            let is_libssl =
                path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(LIBSSL.as_bytes()));
            if !is_libssl || seen.contains(&file) || seen.len() == MAX_LIBRARIES {
                continue;
            }
            seen.push(file);
            // The first is the mapped file itself, even when its path has another file by now, but it takes more privileges
            // (fs/proc/base.c, `proc_map_files_get_link`: CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN).
            let (start, end) = map.address;
            let opened = open(&folder.join(format!("map_files/{start:x}-{end:x}")), None)
                .or_else(|_| open(&path, Some(&folder.join("root"))));
            if let Ok(file) = opened {
                found.push(Found { path: path.to_string_lossy().into_owned(), file });
            }
        }
        // One that has ended and that nobody has waited for yet: its maps can be read, and are empty.
        if has_memory { Ok(found) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    /// A file of the host.
    fn open(&self, path: String) -> io::Result<Found> {
        let file = open(Path::new(&path), Some(&self.root))?;
        Ok(Found { path, file })
    }
}

/// Opens a regular file to read, below a root that its symbolic links do not lead out of.
///
/// Whoever made the path may have put a device or a pipe there, and opening these does things: so the file is looked at
/// before it is opened.
fn open(path: &Path, root: Option<&Path>) -> io::Result<File> {
    let look = OFlags::PATH | OFlags::CLOEXEC;
    let looked: OwnedFd = match root {
        None => openat2(CWD, path, look, Mode::empty(), ResolveFlags::empty())?,
        Some(root) => {
            let root = File::open(root)?;
            openat2(root, path, look, Mode::empty(), ResolveFlags::IN_ROOT)?
        }
    };
    if FileType::from_raw_mode(fstat(&looked)?.st_mode) != FileType::RegularFile {
        return Err(io::Error::other("not a regular file"));
    }
    File::open(format!("/proc/self/fd/{}", looked.as_raw_fd()))
}
