//! Names for loopback addresses that only the programs of one test see.
//!
//! A program placed [with hosts](crate::place::Place::with_hosts) gets a private mount namespace in which this file
//! lies over `/etc/hosts`; the machine's own file is never touched. The resolvers of Go and of glibc both read it
//! before DNS.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use tempfile::NamedTempFile;

/// An `/etc/hosts` of a test's own.
pub struct Hosts {
    file: NamedTempFile,
}

impl Hosts {
    /// `localhost`, and these names beside it.
    pub fn new<'a>(names: impl IntoIterator<Item = (&'a str, IpAddr)>) -> Arc<Self> {
        let mut text = String::from("127.0.0.1 localhost\n::1 localhost\n");
        for (name, address) in names {
            writeln!(text, "{address} {name}").expect("write to a string");
        }
        let file = NamedTempFile::new().expect("a file for host names");
        std::fs::write(file.path(), text).expect("write host names");
        Arc::new(Self { file })
    }

    /// The file that takes the place of `/etc/hosts`.
    pub fn file(&self) -> &Path {
        self.file.path()
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::Hosts;
    use crate::place::Place;
    use crate::process::run;

    #[test]
    fn a_name_is_seen_inside_and_only_there() {
        let name = "registry.example.co.uk";
        let hosts = Hosts::new([(name, IpAddr::V4(Ipv4Addr::new(127, 9, 8, 7)))]);
        let lookup = |place: Place| {
            let mut command = place.command("/usr/bin/getent");
            command.args(["hosts", name]);
            run(command)
        };
        let inside = lookup(Place::machine().with_hosts(&hosts)).expect_ok();
        assert!(inside.stdout.starts_with("127.9.8.7 "), "{inside:?}");
        let machine = std::fs::read_to_string("/etc/hosts").expect("the machine's host names");
        assert!(!machine.contains(name));
    }
}
