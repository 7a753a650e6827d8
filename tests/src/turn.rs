//! Whose turn it is. pullscope watches the whole machine, so a test that observes must be the only one that makes
//! traffic, in this test program and in any other.
//!
//! A test takes its turn before it starts anything: the images it pushes would be another test's traffic.

use std::env;
use std::fs::File;

use nix::fcntl::{Flock, FlockArg};

/// The right to make traffic while no other test observes; ends when dropped.
pub struct Together(#[expect(dead_code, reason = "held for its drop")] Flock<File>);

/// The right to observe: no other test makes traffic meanwhile; ends when dropped.
pub struct Alone(#[expect(dead_code, reason = "held for its drop")] Flock<File>);

/// Waits until no test observes.
#[track_caller]
pub fn together() -> Together {
    Together(lock(FlockArg::LockShared))
}

/// Waits until no other test observes or makes traffic.
#[track_caller]
pub fn alone() -> Alone {
    Alone(lock(FlockArg::LockExclusive))
}

#[track_caller]
fn lock(how: FlockArg) -> Flock<File> {
    let file =
        File::create(env::temp_dir().join("pullscope-tests.lock")).expect("create the lock of the tests");
    Flock::lock(file, how).map_err(|(_, error)| error).expect("lock")
}
