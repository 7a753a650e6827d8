//! Who is watched: decided at exec by the command name, inherited at fork, dropped at exit.

use aya_ebpf::helpers::{bpf_get_current_comm, bpf_get_current_pid_tgid, generated::bpf_ktime_get_ns};
use collector_common::counters::Counter;
use collector_common::event::{Header, Kind, Process, Thread};
use collector_common::{COMM_LEN, TARGET_CANDIDATE, TARGET_INHERIT, TARGET_THREADS};
use core::arch::asm;

use crate::kernel::{offset, read};
use crate::maps::{COMMS, PROCESSES, WATCHED, count};
use crate::output;

/// `SIGNAL_GROUP_EXIT`: include/linux/sched/signal.h.
const SIGNAL_GROUP_EXIT: u32 = 4;

/// The current process (the kernel's tgid in its first pid namespace).
#[inline(always)]
pub fn current() -> u32 {
    current_thread().0
}

/// The current process and its thread (the kernel's pid in its first pid namespace).
#[inline(always)]
pub fn current_thread() -> (u32, u32) {
    let both = bpf_get_current_pid_tgid();
    ((both >> 32) as u32, both as u32)
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

/// The part of a [`Process`] that differs from record to record.
struct Report {
    parent: u32,
    target: u32,
    comm: [u8; COMM_LEN],
    status: u32,
}

impl Report {
    /// Of a process about which there is nothing to say.
    const NONE: Self = Self { parent: 0, target: 0, comm: [0; COMM_LEN], status: Process::NO_STATUS };
}

#[inline(always)]
fn report(kind: Kind, tgid: u32, Report { parent, target, comm, status }: Report) {
    let Some(mut entry) = output::reserve::<Process>() else { return count(Counter::RingFull) };
    // SAFETY: the helper has no other effect than to return the time.
    let time = unsafe { bpf_ktime_get_ns() };
    let header = Header { kind: kind as u32, tgid, time };
    entry.write(Process { header, parent, target, comm, status, reserved: 0 });
    if target == TARGET_CANDIDATE || (matches!(kind, Kind::Exec) && target != 0) {
        // The command line is there only as long as the process is, and some live for milliseconds.
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
            report(Kind::Exec, tgid, Report { target, comm, ..Report::NONE });
        }
        None if is_watched(tgid) => {
            unwatch(tgid);
            report(Kind::Exec, tgid, Report { comm, ..Report::NONE });
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
    report(Kind::Fork, child, Report { parent, target, ..Report::NONE });
}

/// A task ends. `signal_struct.live` counts the threads that are left (kernel/exit.c: `do_exit` lowers it before this).
#[inline(always)]
pub fn on_exit(task: u64) {
    let (tgid, thread) = current_thread();
    if !is_watched(tgid) {
        return;
    }
    let Some(signal) = read::<u64>(task, offset!(task_signal)) else { return };
    if read::<u32>(signal, offset!(signal_live)) != Some(0) {
        return on_thread_exit((tgid, thread), signal);
    }
    unwatch(tgid);
    let status = status(task, signal).unwrap_or(Process::NO_STATUS);
    report(Kind::Exit, tgid, Report { status, ..Report::NONE });
}

/// A thread ends, and others of its process are left. Where one thread has ended them all, the end of the process tells it.
#[inline(always)]
fn on_thread_exit((tgid, thread): (u32, u32), signal: u64) {
    let wanted = target(tgid).is_some_and(|target| target & TARGET_THREADS != 0);
    let flags = read::<u32>(signal, offset!(signal_flags)).unwrap_or(0);
    if !wanted || flags & SIGNAL_GROUP_EXIT != 0 {
        return;
    }
    let Some(mut entry) = output::reserve::<Thread>() else { return count(Counter::RingFull) };
    // SAFETY: the helper has no other effect than to return the time.
    let time = unsafe { bpf_ktime_get_ns() };
    let header = Header { kind: Kind::ThreadExit as u32, tgid, time };
    entry.write(Thread { header, thread, reserved: 0 });
    output::submit(entry);
}

/// How a process ends whose last thread this is. The kernel tells the parent the same way (kernel/exit.c: `wait_task_zombie`): where
/// one thread has ended them all, by `exit_group` or by a signal, what that one said; else what the first thread had ended
/// with, which may be long ago (`pthread_exit`). `do_exit` stores a thread's code before this hook.
#[inline(always)]
fn status(task: u64, signal: u64) -> Option<u32> {
    let flags: u32 = read(signal, offset!(signal_flags))?;
    if flags & SIGNAL_GROUP_EXIT != 0 {
        return read(signal, offset!(signal_group_exit_code));
    }
    let leader: u64 = read(task, offset!(task_group_leader))?;
    read(leader, offset!(task_exit_code))
}
