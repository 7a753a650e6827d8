//! Reads server-sent events (HTML Living Standard, section 9.2.6), as far as pullscope sends them.

use std::io::BufRead;

use serde::Deserialize;

use crate::pulls::document::Pull;

/// One event.
#[derive(Debug, PartialEq)]
pub enum Event {
    /// A pull began, changed or ended.
    Pull {
        /// How it stands.
        pull: Box<Pull>,
        /// The same as it was sent.
        text: String,
    },
    /// So many changes were not read in time.
    Missed(u64),
}

/// Events from a stream of lines. An error is a reason; no event follows it.
pub struct Events<R> {
    lines: R,
    failed: bool,
}

#[derive(Deserialize)]
struct Missed {
    missed: u64,
}

impl<R: BufRead> Events<R> {
    /// Reads from there.
    pub fn new(lines: R) -> Self {
        Self { lines, failed: false }
    }

    /// The next event that is known here; `None` at the end of the stream.
    fn read(&mut self) -> Result<Option<Event>, String> {
        let (mut name, mut data) = (String::new(), String::new());
        let mut line = String::new();
        loop {
            line.clear();
            match self.lines.read_line(&mut line) {
                // A connection that breaks off is how a stream ends when its server is killed.
                Ok(0) | Err(_) => return Ok(None),
                Ok(_) => {}
            }
            match line.trim_end_matches('\n').split_once(':') {
                None if line == "\n" => {
                    if let Some(event) = event(&name, std::mem::take(&mut data))? {
                        return Ok(Some(event));
                    }
                    name.clear();
                }
                Some(("event", value)) => value.strip_prefix(' ').unwrap_or(value).clone_into(&mut name),
                Some(("data", value)) => value.strip_prefix(' ').unwrap_or(value).clone_into(&mut data),
                // Comments, numbers of events, and what is not known.
                _ => {}
            }
        }
    }
}

impl<R: BufRead> Iterator for Events<R> {
    type Item = Result<Event, String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let read = self.read();
        self.failed = read.is_err();
        read.transpose()
    }
}

fn event(name: &str, text: String) -> Result<Option<Event>, String> {
    let wrong = |error: serde_json::Error| error.to_string();
    match name {
        "pull" => {
            let pull = serde_json::from_str(&text).map_err(wrong)?;
            Ok(Some(Event::Pull { pull, text }))
        }
        "missed" => {
            let Missed { missed } = serde_json::from_str(&text).map_err(wrong)?;
            Ok(Some(Event::Missed(missed)))
        }
        _ => Ok(None),
    }
}
