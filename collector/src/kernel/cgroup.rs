//! The root of the unified cgroup hierarchy, where programs that see `connect` of all processes are attached.

use std::fmt;
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use procfs::FromRead;
use procfs::process::MountInfos;

/// Inode number of the root: the first that its file system gives away (fs/kernfs/dir.c: `kernfs_create_root`).
const ROOT: u64 = 1;

/// Why there is no root.
#[derive(Debug, PartialEq, Eq)]
pub enum NoRoot {
    /// What is mounted cannot be read.
    Unreadable,
    /// No cgroup2 file system is mounted, or none that can be reached.
    NotMounted,
    /// What is mounted here is a cgroup below it, as a container sees it that has a cgroup namespace of its own.
    Below(PathBuf),
}

/// Where the root is mounted. `files` is the machine's root directory, as tests choose it.
///
/// # Errors
///
/// Says what is mounted instead.
pub fn root(files: &Path) -> Result<PathBuf, NoRoot> {
    let mounts = File::open(files.join("proc/self/mountinfo")).map_err(|_| NoRoot::Unreadable)?;
    let mounts = MountInfos::from_read(mounts).map_err(|_| NoRoot::Unreadable)?;
    let mut below = None;
    for mount in mounts.into_iter().filter(|mount| mount.fs_type == "cgroup2") {
        let place = files.join(mount.mount_point.strip_prefix("/").unwrap_or(&mount.mount_point));
        // Another mount may lie over it.
        let Ok(found) = std::fs::metadata(&place) else { continue };
        // In a cgroup namespace the own cgroup is shown as the root, and the root as a directory above it: its number tells it.
        if found.ino() == ROOT {
            return Ok(place);
        }
        below.get_or_insert(mount.mount_point);
    }
    Err(below.map_or(NoRoot::NotMounted, NoRoot::Below))
}

impl fmt::Display for NoRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable => f.write_str("/proc/self/mountinfo cannot be read"),
            Self::NotMounted => f.write_str("no cgroup2 file system is mounted here"),
            Self::Below(place) => {
                write!(
                    f,
                    "{} shows a container's own cgroup and not the root of the hierarchy",
                    place.display()
                )
            }
        }
    }
}

impl std::error::Error for NoRoot {}
