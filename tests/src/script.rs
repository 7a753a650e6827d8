//! Programs of the tests in Python.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Writes a program: `source` begins with `#!/usr/bin/python3`. It runs under `name`, which the kernel takes for the program's
/// (`begin_new_exec` in fs/exec.c: that of the file that was asked for, not of what interprets it).
#[track_caller]
pub fn script(folder: &Path, name: &str, source: &str) -> PathBuf {
    assert!(source.starts_with("#!/usr/bin/python3\n"), "a program of Debian's Python");
    let path = folder.join(name);
    fs::write(&path, source).expect("write a program");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("make it executable");
    path
}
