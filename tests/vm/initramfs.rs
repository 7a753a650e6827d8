//! The guest's files: an archive that the kernel unpacks into memory.
//!
//! The format is the kernel's `newc` (Documentation/driver-api/early-userspace/buffer-format.rst): for each file a header
//! of numbers in hexadecimal digits, its name and its content, both padded to four bytes. The kernel makes what is not
//! here by itself: `/dev/console` (`usr/default_cpio_list`).

use std::collections::BTreeSet;

const FOLDER: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;
const LINK: u32 = 0o120_777;
/// For everybody to write in.
const SHARED_FOLDER: u32 = 0o041_777;

/// An archive in the making.
#[derive(Default)]
pub struct Initramfs {
    bytes: Vec<u8>,
    folders: BTreeSet<String>,
    files: BTreeSet<String>,
    entries: u32,
}

impl Initramfs {
    /// Adds a folder, and those above it.
    pub fn folder(&mut self, path: &str) {
        self.folder_with_mode(path, FOLDER);
    }

    /// Adds a folder that every user may write in.
    pub fn shared_folder(&mut self, path: &str) {
        self.folder_with_mode(path, SHARED_FOLDER);
    }

    /// Adds a file that may be executed, and the folders above it.
    pub fn file(&mut self, path: &str, content: &[u8]) {
        self.files.insert(path.to_owned());
        self.below_its_folder(path, PROGRAM, content);
    }

    /// Whether a file was added under that name.
    pub fn has(&self, path: &str) -> bool {
        self.files.contains(path)
    }

    /// Adds a symbolic link, and the folders above it.
    pub fn link(&mut self, path: &str, target: &str) {
        self.below_its_folder(path, LINK, target.as_bytes());
    }

    /// The archive.
    pub fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, &[]);
        self.bytes
    }

    fn folder_with_mode(&mut self, path: &str, mode: u32) {
        if !path.is_empty() && self.folders.insert(path.to_owned()) {
            self.below_its_folder(path, mode, &[]);
        }
    }

    fn below_its_folder(&mut self, path: &str, mode: u32, content: &[u8]) {
        if let Some((folder, _)) = path.rsplit_once('/') {
            self.folder(folder);
        }
        self.entry(path.trim_start_matches('/'), mode, content);
    }

    fn entry(&mut self, name: &str, mode: u32, content: &[u8]) {
        self.entries += 1;
        let length = |bytes: usize| u32::try_from(bytes).expect("a small file");
        self.bytes.extend_from_slice(b"070701");
        // inode, mode, owner, group, links, time, content, device, device of a device file, name, checksum
        let (content_length, name_length) = (length(content.len()), length(name.len() + 1));
        for number in [self.entries, mode, 0, 0, 1, 0, content_length, 0, 0, 0, 0, name_length, 0] {
            self.bytes.extend_from_slice(format!("{number:08x}").as_bytes());
        }
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(content);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}
