//! Probes in program files: attached by inode, so that they are there for every process that maps the file, also for those
//! that begin later.

use std::collections::HashMap;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;

use anyhow::{Context, ensure};
use aya::Ebpf;
use aya::maps::{Array, MapData};
use aya::programs::uprobe::{UProbe, UProbeAttachLocation, UProbeAttachPoint, UProbeLink, UProbeScope};
use collector_common::go::{self, Layout, MAX_LAYOUTS};

use super::load::{explain, program};
use super::multi::{self, Loader, Place};

/// The probes in one file. Dropping it takes them out.
#[derive(Debug)]
pub struct Instrumented {
    /// Held for what their drop does.
    _links: Vec<Link>,
}

/// One link, or one probe on a kernel that has no links of many.
#[derive(Debug)]
enum Link {
    Multi { _link: OwnedFd },
    Single { _link: UProbeLink },
}

/// The programs that hang in program files, and what they have been told.
pub(super) struct Uprobes {
    layouts: Array<MapData, Layout>,
    /// What `layouts` holds.
    told: Vec<Layout>,
    loader: Loader,
    /// The programs that the kernel has verified already: most machines need only some.
    loaded: HashMap<&'static str, Loaded>,
}

/// A loaded program.
enum Loaded {
    /// For links of many probes.
    Multi(OwnedFd),
    /// For one probe at a time; aya holds it.
    Single,
}

/// A program and where it is wanted in one file.
struct Wanted {
    name: &'static str,
    at_return: bool,
    places: Vec<Place>,
}

impl Uprobes {
    pub fn new(layouts: Array<MapData, Layout>, loader: Loader) -> Self {
        Self { layouts, told: Vec::new(), loader, loaded: HashMap::new() }
    }

    /// The programs that are loaded.
    pub fn loaded(&self) -> impl Iterator<Item = &'static str> {
        self.loaded.keys().copied()
    }

    /// Puts the probes that fit a file into it.
    pub fn instrument(
        &mut self,
        ebpf: &mut Ebpf,
        file: &File,
        found: &binary::Program,
    ) -> anyhow::Result<Instrumented> {
        let wanted = match found {
            binary::Program::Go(program) => {
                let layout = self.place_of(&program.layout)?;
                let place = |&(point, offset)| Some(Place { offset, cookie: cookie(point, layout)? });
                let places = program.probes.iter().filter_map(place).collect();
                vec![Wanted { name: "go", at_return: false, places }]
            }
            binary::Program::OpenSsl(library) => {
                library.probes.iter().flat_map(|&(point, offset)| openssl(point, offset)).collect()
            }
            binary::Program::None => Vec::new(),
        };
        let mut links = Vec::new();
        for wanted in &wanted {
            self.attach(ebpf, file, wanted, &mut links)
                .with_context(|| format!("cannot attach {}", wanted.name))?;
        }
        Ok(Instrumented { _links: links })
    }

    fn attach(
        &mut self,
        ebpf: &mut Ebpf,
        file: &File,
        wanted: &Wanted,
        links: &mut Vec<Link>,
    ) -> anyhow::Result<()> {
        if !self.loaded.contains_key(wanted.name) {
            let loaded = self.load(ebpf, wanted.name)?;
            self.loaded.insert(wanted.name, loaded);
        }
        if let Some(Loaded::Multi(fd)) = self.loaded.get(wanted.name) {
            let link = multi::link(fd.as_fd(), file, &wanted.places, wanted.at_return)?;
            links.push(Link::Multi { _link: link });
            return Ok(());
        }
        let program: &mut UProbe = program(ebpf, wanted.name)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        for &Place { offset, cookie } in &wanted.places {
            let location = UProbeAttachLocation::AbsoluteOffset(offset);
            let at = UProbeAttachPoint { location, cookie: Some(cookie) };
            let id = program.attach(at, &path, UProbeScope::AllProcesses)?;
            links.push(Link::Single { _link: program.take_link(id)? });
        }
        Ok(())
    }

    /// Loads a program, for links of many probes where the kernel has them.
    fn load(&self, ebpf: &mut Ebpf, name: &'static str) -> anyhow::Result<Loaded> {
        if let Some(program) = self.loader.load(name)? {
            return Ok(Loaded::Multi(program));
        }
        let program: &mut UProbe = program(ebpf, name)?;
        program.load().map_err(explain)?;
        Ok(Loaded::Single)
    }

    /// The place of a layout in the table that the programs look it up in.
    fn place_of(&mut self, layout: &Layout) -> anyhow::Result<u32> {
        let known = self.told.iter().position(|told| told == layout);
        let place = u32::try_from(known.unwrap_or(self.told.len()))?;
        if known.is_none() {
            ensure!(place < MAX_LAYOUTS, "programs of more than {MAX_LAYOUTS} different Go releases");
            self.layouts.set(place, layout, 0).context("cannot tell the programs a Go release's layout")?;
            self.told.push(*layout);
        }
        Ok(place)
    }
}

/// What a probe in a Go program is told; `None` for a point that is in no Go program.
fn cookie(point: binary::Point, layout: u32) -> Option<u64> {
    use binary::Point;
    let point = match point {
        Point::H1Request => go::Point::H1Request,
        Point::H1Response => go::Point::H1Response,
        Point::H1BodyEnd => go::Point::H1BodyEnd,
        Point::H1BodyRead => go::Point::H1BodyRead,
        Point::H1BodyClose => go::Point::H1BodyClose,
        Point::H2Field => go::Point::H2Field,
        Point::H2Request => go::Point::H2Request,
        Point::H2Response => go::Point::H2Response,
        Point::H2End => go::Point::H2End,
        Point::H2Cleanup => go::Point::H2Cleanup,
        Point::Serve => go::Point::Serve,
        Point::ServeEnd => go::Point::ServeEnd,
        Point::H2ServeRequest => go::Point::H2ServeRequest,
        Point::H2ServeResponse => go::Point::H2ServeResponse,
        Point::H2ServeDone => go::Point::H2ServeDone,
        Point::H2ServeEnd => go::Point::H2ServeEnd,
        _ => return None,
    };
    Some(u64::from(point as u32) << 32 | u64::from(layout))
}

/// The programs at one of OpenSSL's functions: what it has read or written is known when it returns.
fn openssl(point: binary::Point, offset: u64) -> Vec<Wanted> {
    use binary::Point;
    let entry = match point {
        Point::SslHandshake => "ssl_handshake",
        Point::SslRead => "ssl_read",
        Point::SslReadEx => "ssl_read_ex",
        Point::SslWrite => "ssl_write",
        Point::SslWriteEx => "ssl_write_ex",
        _ => return Vec::new(),
    };
    let wanted = |name, at_return| Wanted { name, at_return, places: vec![Place { offset, cookie: 0 }] };
    vec![wanted(entry, false), wanted("ssl_return", true)]
}
