//! What daemons leave mounted below their directories when they go.

use std::fs;
use std::path::{Path, PathBuf};

use crate::place::Place;
use crate::process::run;

/// Everything that is mounted below `dir` (`proc_pid_mounts(5)`), in the order of mounting.
pub fn below(dir: &Path) -> Vec<PathBuf> {
    let text = fs::read_to_string("/proc/self/mounts").expect("the mounts");
    let paths = text.lines().filter_map(|line| line.split(' ').nth(1)).map(PathBuf::from);
    paths.filter(|path| path.starts_with(dir)).collect()
}

/// Unmounts all of it, what came last first.
pub(crate) fn remove_below(dir: &Path) {
    for mount in below(dir).into_iter().rev() {
        let mut command = Place::machine().command("umount");
        // Lazily: a process that was killed a moment ago may still hold it.
        command.arg("--lazy").arg(&mount);
        let outcome = run(command);
        if !outcome.ok() {
            eprintln!("{} stays mounted: {}", mount.display(), outcome.stderr);
        }
    }
}
