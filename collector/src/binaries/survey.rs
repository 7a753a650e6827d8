//! What would get probes, without putting any in: for `pullscope check`.

use binary::{Program, Refusal};

use super::places::{Found, Places};
use super::stamp::Stamp;
use super::{Wanted, describe};
use crate::model::event::Pid;

/// Most files that are looked at.
const MAX_LOOKED_AT: usize = 64;

/// What was found.
#[derive(Debug, Default)]
pub struct Survey {
    /// A line for each file: its path, and what it offers.
    pub lines: Vec<String>,
    /// Some file, or some function of one, cannot be probed for a reason that is not its being something else.
    pub doubtful: bool,
    looked_at: Vec<Stamp>,
}

impl Survey {
    /// Of the programs of these names at the host's known paths, and of those that these processes run.
    pub fn of<'a>(
        places: &Places,
        names: impl Iterator<Item = &'a str>,
        running: impl Iterator<Item = Pid>,
        wanted: Wanted,
    ) -> Self {
        let mut survey = Self::default();
        let running = running.filter_map(|pid| places.executable(pid).ok());
        let mut may_use_library = false;
        for found in names.flat_map(|name| places.programs(name)).chain(running) {
            may_use_library |= survey.look_at(found, wanted);
        }
        if may_use_library && wanted.openssl {
            for found in places.libraries() {
                survey.look_at(found, wanted);
            }
        }
        survey
    }

    /// True for a program that may use a library for its TLS.
    fn look_at(&mut self, found: Found, wanted: Wanted) -> bool {
        let Found { path, file } = found;
        let Ok(stamp) = Stamp::of(&file) else { return false };
        let is_known = self.looked_at.iter().any(|known| known.is_same_file(&stamp));
        if is_known || self.looked_at.len() == MAX_LOOKED_AT {
            return false;
        }
        self.looked_at.push(stamp);
        let result = binary::inspect(&file);
        let off = match &result {
            Ok(Program::Go(_)) if !wanted.go => " (--tls.go=off)",
            Ok(Program::OpenSsl(_)) if !wanted.openssl => " (--tls.openssl=off)",
            _ => "",
        };
        self.lines.push(format!("{path}: {}{off}", describe(&result)));
        match result {
            Ok(Program::Go(go)) => {
                self.doubtful |= wanted.go && !go.refused.is_empty();
                false
            }
            Ok(Program::OpenSsl(_) | Program::None) | Err(Refusal::NotElf) => true,
            Err(_) => {
                self.doubtful = true;
                false
            }
        }
    }
}
