//! Which file it is, and whether its content is still the same.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;

use rustix::fs::fstatfs;

/// `OVERLAYFS_SUPER_MAGIC`, include/uapi/linux/magic.h.
const OVERLAYFS: i64 = 0x794c_7630;

/// A point in time as the file system keeps it: seconds and nanoseconds.
type Time = (i64, i64);

/// What a file system says of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The file system; `None` on an overlay.
    ///
    /// Containers of one image have an overlay each, with a device number each, above the same file; and probes sit in that
    /// file, below the overlay (`d_real_inode` in `kernel/trace/trace_uprobe.c`). Taking it for two files would have every probe
    /// twice, and every request counted twice. What an overlay says of a file but its device is what the file below says
    /// (fs/overlayfs/inode.c: `ovl_getattr`), so on overlays the rest of the stamp tells files apart.
    device: Option<u64>,
    inode: u64,
    size: u64,
    modified: Time,
    changed: Time,
    links: u64,
}

impl Stamp {
    /// Of an open file, as it is now.
    pub fn of(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let on_overlay = fstatfs(file)?.f_type == OVERLAYFS;
        Ok(Self {
            device: (!on_overlay).then_some(metadata.dev()),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            links: metadata.nlink(),
        })
    }

    /// Whether both are of one file, as far as its file system's names tell: the content may have changed between them. On
    /// an overlay, whose names tell little, only with the same content.
    pub fn is_same_file(&self, other: &Self) -> bool {
        let named_alike = (self.device, self.inode) == (other.device, other.inode);
        named_alike && (self.device.is_some() || self == other)
    }

    /// Whether both may be of one file on an overlay, one stamp older than the other.
    pub fn resembles(&self, other: &Self) -> bool {
        self.device.is_none() && other.device.is_none() && self.inode == other.inode
    }

    /// Whether a file that was like `before` may have another content now. A change of the number of links is none: a
    /// program that is deleted while it runs is still the same.
    pub fn is_overwritten(&self, before: &Self) -> bool {
        let touched = self.changed != before.changed && self.links == before.links;
        self.size != before.size || self.modified != before.modified || touched
    }

    /// Whether no directory has the file any more.
    pub fn is_deleted(&self) -> bool {
        self.links == 0
    }
}
