//! Who is watched: telling the kernel programs by which names they know it, finding those who run already, and deciding by
//! the command line where the name is not enough.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;

use collector_common::{COMM_LEN, TARGET_CANDIDATE, TARGET_INHERIT, TARGET_REDIS, TARGET_THREADS};
use procfs::ProcError;
use procfs::process::{Process, all_processes};

use crate::kernel::decode::target_number;
use crate::kernel::programs::Programs;
use crate::model::event::{Ending, Event, Pid, Purpose, TargetId, Tid};
use crate::targets::{Target, Targets, Verdict, purpose};

/// What a process that re-executes itself through `/proc/self/exe` is called.
const REEXEC_COMM: &[u8] = b"exe";

/// Processes whose command line has decided are remembered up to this many; a node has far fewer at a time.
const MAX_CANDIDATES: usize = 65_536;

/// Bytes of a command line in which a client's sub-command is looked for: global flags and their values come before it.
const MAX_CMDLINE: u64 = 16 * 1024;

/// Decides who is watched.
pub struct Watch {
    targets: Targets,
    /// Processes that were watched until their command line had been read, and what came of it.
    candidates: HashMap<Pid, Option<TargetId>>,
}

impl Watch {
    /// For these targets.
    pub fn new(targets: Targets) -> Self {
        Self { targets, candidates: HashMap::new() }
    }

    /// Tells the kernel programs the names. To be called before they are attached.
    pub fn fill_comms(&self, programs: &mut Programs) -> anyhow::Result<()> {
        programs.comms.insert(key(REEXEC_COMM), TARGET_INHERIT, 0)?;
        for (comm, verdict) in self.targets.by_comm() {
            let number = match verdict {
                Verdict::Watch(place) => self.number(target_id(place)),
                Verdict::AskArgv => TARGET_CANDIDATE,
            };
            programs.comms.insert(key(comm.as_bytes()), number, 0)?;
        }
        Ok(())
    }

    /// What the kernel programs have for a target: its number, and marks for what its recipe asks for.
    fn number(&self, id: TargetId) -> u32 {
        let target = self.targets.as_slice().get(usize::from(id.0));
        let mark = |asks: fn(&Target) -> bool, mark| if target.is_some_and(asks) { mark } else { 0 };
        let redis = mark(|target| target.redis, TARGET_REDIS);
        let threads = mark(|target| target.threads, TARGET_THREADS);
        target_number(id) | redis | threads
    }

    /// Finds the processes that run already. To be called after the programs are attached, so that none slips through
    /// between; one that begins meanwhile is seen twice, which does no harm.
    pub fn scan(&self, programs: &mut Programs, time: u64) -> anyhow::Result<Vec<Event>> {
        let mut events = Vec::new();
        for process in all_processes()?.flatten() {
            let Some(target) = self.target(&process) else { continue };
            let Ok(pid) = Pid::try_from(process.pid()) else { continue };
            programs.processes.insert(pid, self.number(target), 0)?;
            programs.watched.set_bit(pid as usize, true);
            // If it ended before its bit was set, nobody else will clear it.
            if process.is_alive() {
                events.push(Event::ProcessBegan { found: true, pid, target, time });
            } else {
                unwatch(programs, pid);
            }
        }
        Ok(events)
    }

    /// The target of a running process, by its name or that of its program: a process may change the former.
    fn target(&self, process: &Process) -> Option<TargetId> {
        let cmdline = cmdline(process);
        let comm = process.stat().ok()?.comm;
        let program = process.exe().ok().and_then(|exe| Some(exe.file_name()?.as_encoded_bytes().to_vec()));
        let program = program.map(|mut name| {
            name.truncate(COMM_LEN - 1);
            name
        });
        [Some(comm.into_bytes()), program]
            .into_iter()
            .flatten()
            .find_map(|name| self.targets.resolve(&name, &cmdline))
            .map(target_id)
    }

    /// Decides about a process by its command line; `None` if it is not to be watched (any more), or is gone already.
    pub fn candidate(&mut self, programs: &mut Programs, pid: Pid, comm: &[u8]) -> Option<TargetId> {
        let cmdline =
            i32::try_from(pid).ok().and_then(|pid| Process::new(pid).ok()).map(|process| cmdline(&process));
        let target = cmdline.and_then(|cmdline| self.targets.resolve(comm, &cmdline)).map(target_id);
        self.settle(programs, pid, target);
        target
    }

    /// Tells the kernel programs what was decided, and remembers it.
    fn settle(&mut self, programs: &mut Programs, pid: Pid, target: Option<TargetId>) {
        match target {
            // A process that ended meanwhile has no entry any more, and must not get one again.
            Some(target) if programs.processes.get(&pid, 0).is_ok() => {
                // That it ended in this very moment shows as its end.
                let _ = programs.processes.insert(pid, self.number(target), UPDATE_EXISTING);
            }
            _ => unwatch(programs, pid),
        }
        if self.candidates.len() < MAX_CANDIDATES {
            self.candidates.insert(pid, target);
        }
    }

    /// Decides about a process that was forked by one whose command line has decided, before the kernel programs knew it:
    /// it shares its parent's lot.
    pub fn inherit(&mut self, programs: &mut Programs, pid: Pid, parent: Pid) -> Option<TargetId> {
        let target = self.decided(parent);
        self.settle(programs, pid, target);
        target
    }

    /// What was decided about a process.
    pub fn decided(&self, pid: Pid) -> Option<TargetId> {
        self.candidates.get(&pid).copied().flatten()
    }

    /// What a client program was started for, by its command line; `None` where that says nothing, or the process is gone.
    pub fn purpose(&self, pid: Pid, target: TargetId) -> Option<Purpose> {
        let target = self.targets.as_slice().get(usize::from(target.0))?;
        let names = [target.comm.as_bytes(), target.name.as_str().as_bytes()];
        let program = names.into_iter().find(|name| purpose::is_known_of(name))?;
        let mut cmdline = Vec::new();
        let file = File::open(format!("/proc/{pid}/cmdline")).ok()?;
        file.take(MAX_CMDLINE).read_to_end(&mut cmdline).ok()?;
        // Each argument ends with a zero byte: what lacks it was cut.
        let whole = cmdline.iter().rposition(|byte| *byte == 0)?;
        purpose::of(program, cmdline[..whole].split(|byte| *byte == 0))
    }

    /// Forgets what was decided about a process that has ended.
    pub fn ended(&mut self, pid: Pid) {
        self.candidates.remove(&pid);
    }
}

/// Whether a thread of a process has ended. The first thread of one that lives on is left as a zombie.
pub fn is_gone((pid, thread): (Pid, Tid)) -> bool {
    let (Ok(pid), Ok(thread)) = (i32::try_from(pid), i32::try_from(thread)) else { return true };
    match Process::new(pid).and_then(|process| process.task_from_tid(thread)).and_then(|task| task.stat()) {
        Ok(stat) => matches!(stat.state, 'Z' | 'X'),
        Err(error) => matches!(error, ProcError::NotFound(_)),
    }
}

/// How a process ended, for the log.
pub fn shown(how: &Ending) -> String {
    match how {
        Ending::Exited(status) => format!("exited with {status}"),
        Ending::Killed(signal) => format!("killed by signal {signal}"),
        Ending::Became(comm) => format!("became {}", String::from_utf8_lossy(comm)),
        Ending::Unknown => "unknown".to_owned(),
    }
}

/// `BPF_EXIST`, include/uapi/linux/bpf.h: do not make an entry that is not there.
const UPDATE_EXISTING: u64 = 2;

fn unwatch(programs: &mut Programs, pid: Pid) {
    programs.watched.set_bit(pid as usize, false);
    // That it is not there is what we want.
    let _ = programs.processes.remove(&pid);
}

/// The command line as the kernel keeps it, each argument with a zero byte behind it. It is matched and dropped: it may hold
/// secrets.
fn cmdline(process: &Process) -> Vec<u8> {
    let arguments = process.cmdline().unwrap_or_default();
    arguments.into_iter().flat_map(|argument| argument.into_bytes().into_iter().chain([0])).collect()
}

fn target_id(place: usize) -> TargetId {
    TargetId(u16::try_from(place).unwrap_or(u16::MAX))
}

/// A name as the kernel's maps have it.
fn key(name: &[u8]) -> [u8; COMM_LEN] {
    let mut key = [0; COMM_LEN];
    let len = name.len().min(COMM_LEN - 1);
    key[..len].copy_from_slice(&name[..len]);
    key
}
