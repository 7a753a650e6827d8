//! Who is watched: decided at exec by the command name, inherited at fork, dropped at exit.

use aya_ebpf::helpers::{bpf_get_current_comm, bpf_get_current_pid_tgid, generated::bpf_ktime_get_ns};
use collector_common::counters::Counter;
use collector_common::event::{Header, Kind, Process};
use collector_common::{COMM_LEN, TARGET_CANDIDATE, TARGET_INHERIT};
use core::arch::asm;

use crate::kernel::{offset, read};
use crate::maps::{COMMS, PROCESSES, WATCHED, count};
use crate::output;

/// The current process (the kernel's tgid in its first pid namespace).
#[inline(always)]
pub fn current() -> u32 {
    (bpf_get_current_pid_tgid() >> 32) as u32
}

/// The bits of the 64 processes that include this one.
#[inline(always)]
fn word(tgid: u32) -> Option<*mut u64> {
    WATCHED.get_ptr_mut(tgid / 64)
}

/// The bit of a process within its word.
#[inline(always)]
fn bit(tgid: u32) -> u64 {
    1 << (tgid % 64)
}

/// Whether a process is watched: the question that every program asks first.
#[inline(always)]
pub fn is_watched(tgid: u32) -> bool {
    // SAFETY: an element of an array map: aligned and always there.
    word(tgid).is_some_and(|word| unsafe { core::ptr::read_volatile(word) } & bit(tgid) != 0)
}

/// Target of a watched process.
#[inline(always)]
pub fn target(tgid: u32) -> Option<u32> {
    // SAFETY: the value is an integer that is written whole.
    unsafe { PROCESSES.get(tgid) }.copied()
}

fn watch(tgid: u32, target: u32) {
    if PROCESSES.insert(tgid, target, 0).is_err() {
        return count(Counter::ProcessesFull);
    }
    if let Some(word) = word(tgid) {
        // SAFETY: an element of an array map. Core has no read-modify-write for this target; the instruction is BPF_ATOMIC
        // with BPF_OR (Documentation/bpf/standardization/instruction-set.rst), as atomic as the collector's own.
        unsafe { asm!("lock *(u64 *)({word} + 0) |= {bit}", word = in(reg) word, bit = in(reg) bit(tgid)) };
    }
}

fn unwatch(tgid: u32) {
    if let Some(word) = word(tgid) {
        // SAFETY: as in `watch`, with BPF_AND.
        unsafe {
            asm!("lock *(u64 *)({word} + 0) &= {bits}", word = in(reg) word, bits = in(reg) !bit(tgid))
        };
    }
    // That the process is not there is what we want.
    let _ = PROCESSES.remove(tgid);
}

fn report(kind: Kind, tgid: u32, parent: u32, target: u32, comm: [u8; COMM_LEN]) {
    let Some(mut entry) = output::reserve::<Process>() else { return count(Counter::RingFull) };
    // SAFETY: the helper has no other effect than to return the time.
    let time = unsafe { bpf_ktime_get_ns() };
    entry.write(Process { header: Header { kind: kind as u32, tgid, time }, parent, target, comm });
    if target == TARGET_CANDIDATE {
        // The command line is there only as long as the process is.
        output::submit_now(entry);
    } else {
        output::submit(entry);
    }
}

/// A process has become another program.
#[inline(always)]
pub fn on_exec() {
    // The kernel pads the name with zeros, so that it can be a key (`bpf_get_current_comm`, kernel/bpf/helpers.c).
    let Ok(comm) = bpf_get_current_comm() else { return };
    let tgid = current();
    // SAFETY: the value is an integer that only the collector writes, whole.
    match unsafe { COMMS.get(comm) }.copied() {
        Some(TARGET_INHERIT) => {}
        Some(target) => {
            watch(tgid, target);
            report(Kind::Exec, tgid, 0, target, comm);
        }
        None if is_watched(tgid) => {
            unwatch(tgid);
            report(Kind::Exec, tgid, 0, 0, comm);
        }
        None => {}
    }
}

/// A task has been made: a thread, or a process that inherits the watch.
#[inline(always)]
pub fn on_fork(parent: u64, child: u64) {
    let (Some(parent), Some(child)) =
        (read::<u32>(parent, offset!(task_tgid)), read::<u32>(child, offset!(task_tgid)))
    else {
        return;
    };
    if parent == child || !is_watched(parent) {
        return;
    }
    let Some(target) = target(parent) else { return };
    watch(child, target);
    report(Kind::Fork, child, parent, target, [0; COMM_LEN]);
}

/// A task ends. `signal_struct.live` counts the threads that are left (kernel/exit.c: `do_exit` lowers it before this).
#[inline(always)]
pub fn on_exit(task: u64) {
    let tgid = current();
    if !is_watched(tgid) {
        return;
    }
    let live =
        read::<u64>(task, offset!(task_signal)).and_then(|signal| read::<u32>(signal, offset!(signal_live)));
    if live != Some(0) {
        return;
    }
    unwatch(tgid);
    report(Kind::Exit, tgid, 0, 0, [0; COMM_LEN]);
}
