//! Uprobes by the dozen: one link for all probes of a program in one file (`BPF_TRACE_UPROBE_MULTI`, Linux 6.6).
//!
//! Taking out a probe that came by `perf_event_open` waits for a grace period under a lock of the whole kernel
//! (`perf_uprobe_destroy`, `kernel/trace/trace_event_perf.c`), about 0.1 s for each: 615 probes took 66 s. A link of this kind
//! waits once, and under no lock. aya 0.14 knows only the former, so the program is loaded and linked here, from the object as
//! aya's own crate takes it apart, with the maps that aya has made.

use std::collections::HashMap;
use std::ffi::{CStr, CString, c_char};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use anyhow::{Context, anyhow};
use aya::Ebpf;
use aya::maps::Map;
use aya_obj::generated::{bpf_attach_type, bpf_attr, bpf_cmd, bpf_prog_type};
use aya_obj::{Function, Object};

/// Most of the verifier's words that are kept.
const LOG: usize = 1 << 20;

/// `BPF_F_UPROBE_MULTI_RETURN`: the probes are at the functions' returns (include/uapi/linux/bpf.h).
const AT_RETURN: u32 = 1;

/// Loads the programs of the object that hang in program files.
pub struct Loader {
    object: Object,
    btf: Option<OwnedFd>,
    /// Whether the kernel has links of many probes.
    has_links: bool,
}

/// One probe: where in the file, and what the program is told there.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Offset in the file in bytes.
    pub offset: u64,
    /// What `bpf_get_attach_cookie` returns.
    pub cookie: u64,
}

impl Loader {
    /// For the object that `ebpf` was made from, while it still has all its maps.
    pub fn new(object: &[u8], ebpf: &Ebpf) -> anyhow::Result<Self> {
        let mut object = Object::parse(object)?;
        let features = aya::features();
        let btf = match features.btf() {
            Some(features) => object.fixup_and_sanitize_btf(features)?.map(aya_obj::btf::Btf::to_bytes),
            None => None,
        };
        let btf = btf.map(|bytes| load_btf(&bytes)).transpose().context("cannot load the object's BTF")?;
        let made: HashMap<&str, RawFd> =
            ebpf.maps().filter_map(|(name, map)| Some((name, descriptor(map)?.as_raw_fd()))).collect();
        let maps = std::mem::take(&mut object.maps);
        let maps =
            maps.iter().filter_map(|(name, map)| Some((name.as_str(), *made.get(name.as_str())?, map)));
        let sections = object.functions.keys().map(|(section, _)| *section).collect();
        object.relocate_maps(maps, &sections)?;
        object.relocate_calls(&sections)?;
        object.sanitize_functions(features);
        Ok(Self { object, btf, has_links: has_links() })
    }

    /// Loads a program for links of many probes; none on a kernel that has no such links.
    pub fn load(&self, name: &str) -> anyhow::Result<Option<OwnedFd>> {
        if !self.has_links {
            return Ok(None);
        }
        let program = self.object.programs.get(name);
        let function = program.and_then(|program| self.object.functions.get(&program.function_key()));
        let function = function.with_context(|| format!("this build has no kernel program {name}"))?;
        // Without the verifier's words first: to write them costs more than to verify.
        match self.load_function(name, function, &mut []) {
            Ok(program) => Ok(Some(program)),
            Err(error) => {
                let mut log = vec![0; LOG];
                self.load_function(name, function, &mut log).map(Some).map_err(|_| {
                    let log = log.split(|byte| *byte == 0).next().unwrap_or_default();
                    tracing::debug!(log = %String::from_utf8_lossy(log), "the verifier's words");
                    anyhow!(error).context(format!("the kernel does not take the program {name}"))
                })
            }
        }
    }

    fn load_function(&self, name: &str, function: &Function, log: &mut [u8]) -> io::Result<OwnedFd> {
        let functions = function.func_info.func_info_bytes();
        let lines = function.line_info.line_info_bytes();
        let license: &CString = &self.object.license;
        let mut attr = zeroed();
        // SAFETY: the view of the union that belongs to BPF_PROG_LOAD; all of it is zero, which is a value of every field.
        let load = unsafe { &mut attr.__bindgen_anon_3 };
        load.prog_type = bpf_prog_type::BPF_PROG_TYPE_KPROBE as u32;
        load.expected_attach_type = bpf_attach_type::BPF_TRACE_UPROBE_MULTI as u32;
        load.insns = function.instructions.as_ptr() as u64;
        load.insn_cnt = count(function.instructions.len());
        load.license = license.as_ptr() as u64;
        for (to, from) in load.prog_name.iter_mut().take(15).zip(name.bytes()) {
            // A byte of C has a sign on some processors and none on others.
            *to = c_char::from_ne_bytes([from]);
        }
        if let Some(btf) = &self.btf {
            load.prog_btf_fd = descriptor_number(btf.as_fd());
            load.func_info = functions.as_ptr() as u64;
            load.func_info_cnt = count(function.func_info.func_info.len());
            load.func_info_rec_size = count(function.func_info_rec_size);
            load.line_info = lines.as_ptr() as u64;
            load.line_info_cnt = count(function.line_info.line_info.len());
            load.line_info_rec_size = count(function.line_info_rec_size);
        }
        if !log.is_empty() {
            load.log_level = 1;
            load.log_buf = log.as_mut_ptr() as u64;
            load.log_size = count(log.len());
        }
        // SAFETY: every address in `attr` is that of something which lives until the call returns, of the size given.
        unsafe { bpf(bpf_cmd::BPF_PROG_LOAD, &mut attr) }
    }
}

/// Puts probes into a file, by the descriptor's link in /proc, so that it is this very file, whatever has become of its path.
/// They are there, for every process that maps the file, as long as what is returned is open.
pub fn link(
    program: BorrowedFd<'_>,
    file: &File,
    places: &[Place],
    at_return: bool,
) -> anyhow::Result<OwnedFd> {
    let path = CString::new(format!("/proc/self/fd/{}", file.as_raw_fd()))?;
    Ok(link_at(program, &path, places, at_return)?)
}

/// Whether the kernel has links of many probes. To load a program for them tells nothing: Linux 6.1 does not look at what a
/// program of this type is to be attached to before it is (kernel/bpf/syscall.c, `bpf_prog_load_check_attach`). So a link is
/// asked for where none can be: with the links, the kernel sees that a folder is no file (`bpf_uprobe_multi_link_attach`,
/// `kernel/trace/bpf_trace.c`: `EBADF`), and without them nothing of that (`EINVAL`).
fn has_links() -> bool {
    // r0 = 0; exit
    let instructions: [u64; 2] = [0xb7, 0x95];
    let mut attr = zeroed();
    // SAFETY: the view of the union that belongs to BPF_PROG_LOAD; all of it is zero, which is a value of every field.
    let load = unsafe { &mut attr.__bindgen_anon_3 };
    load.prog_type = bpf_prog_type::BPF_PROG_TYPE_KPROBE as u32;
    load.expected_attach_type = bpf_attach_type::BPF_TRACE_UPROBE_MULTI as u32;
    load.insns = instructions.as_ptr() as u64;
    load.insn_cnt = count(instructions.len());
    load.license = c"GPL".as_ptr() as u64;
    // SAFETY: both addresses are of things that live until the call returns.
    let Ok(program) = (unsafe { bpf(bpf_cmd::BPF_PROG_LOAD, &mut attr) }) else { return false };
    let place = Place { offset: 0, cookie: 0 };
    let asked = link_at(program.as_fd(), c"/", &[place], false);
    asked.is_err_and(|error| error.raw_os_error() == Some(libc::EBADF))
}

fn link_at(program: BorrowedFd<'_>, path: &CStr, places: &[Place], at_return: bool) -> io::Result<OwnedFd> {
    let offsets: Vec<u64> = places.iter().map(|place| place.offset).collect();
    let cookies: Vec<u64> = places.iter().map(|place| place.cookie).collect();
    let mut attr = zeroed();
    // SAFETY: the view of the union that belongs to BPF_LINK_CREATE; all of it is zero, which is a value of every field.
    let create = unsafe { &mut attr.link_create };
    create.__bindgen_anon_1.prog_fd = descriptor_number(program);
    create.attach_type = bpf_attach_type::BPF_TRACE_UPROBE_MULTI as u32;
    // SAFETY: the view that belongs to this type of link.
    let multi = unsafe { &mut create.__bindgen_anon_3.uprobe_multi };
    multi.path = path.as_ptr() as u64;
    multi.offsets = offsets.as_ptr() as u64;
    multi.cookies = cookies.as_ptr() as u64;
    multi.cnt = count(places.len());
    multi.flags = if at_return { AT_RETURN } else { 0 };
    // SAFETY: every address in `attr` is that of something which lives until the call returns, of the size given.
    unsafe { bpf(bpf_cmd::BPF_LINK_CREATE, &mut attr) }
}

fn load_btf(bytes: &[u8]) -> io::Result<OwnedFd> {
    let mut attr = zeroed();
    // SAFETY: the view of the union that belongs to BPF_BTF_LOAD; all of it is zero, which is a value of every field.
    let load = unsafe { &mut attr.__bindgen_anon_7 };
    load.btf = bytes.as_ptr() as u64;
    load.btf_size = count(bytes.len());
    // SAFETY: the address is that of `bytes`.
    unsafe { bpf(bpf_cmd::BPF_BTF_LOAD, &mut attr) }
}

/// The descriptor of a map of one of the kinds that the object has.
fn descriptor(map: &Map) -> Option<BorrowedFd<'_>> {
    match map {
        Map::Array(data)
        | Map::HashMap(data)
        | Map::LruHashMap(data)
        | Map::PerCpuArray(data)
        | Map::RingBuf(data) => Some(data.fd().as_fd()),
        _ => None,
    }
}

fn zeroed() -> bpf_attr {
    // SAFETY: a union of structs of integers: zero is a value of each.
    unsafe { std::mem::zeroed() }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn descriptor_number(descriptor: BorrowedFd<'_>) -> u32 {
    descriptor.as_raw_fd().cast_unsigned()
}

/// `bpf(2)`, for the commands that return a descriptor.
///
/// # Safety
/// What `attr` points to must be as the command wants it, and live until the call returns.
unsafe fn bpf(command: bpf_cmd, attr: &mut bpf_attr) -> io::Result<OwnedFd> {
    // SAFETY: as the caller promises.
    let result = unsafe {
        libc::syscall(libc::SYS_bpf, command as libc::c_long, std::ptr::from_mut(attr), size_of::<bpf_attr>())
    };
    match RawFd::try_from(result) {
        // SAFETY: a new descriptor that is nobody else's.
        Ok(descriptor) if descriptor >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(descriptor) }),
        _ => Err(io::Error::last_os_error()),
    }
}
