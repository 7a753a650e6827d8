//! What the answer to a pull tells while it goes on: a JSON object in each line.

use serde::Deserialize;

use crate::trouble::Trouble;

/// Longest line that is read. Longer ones are skipped.
pub(super) const MAX_LINE: usize = 8 * 1024;

/// Reads the body of an answer (moby, `api/types/jsonstream`; podman, `ImagePullReport`), whatever its pieces.
///
/// The answer begins with status 200 before anything is known, so a failure comes in it. An answer with another status has an
/// object with a `message`, which is read as a failure too.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// The start of the line that has not ended yet.
    line: Vec<u8>,
    /// The rest of the line is not read.
    skipping: bool,
    /// Lines were not read.
    missed: bool,
    failed: bool,
    trouble: Option<Trouble>,
    up_to_date: Option<bool>,
}

impl Progress {
    /// Takes the next bytes.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            let (line, rest) = bytes.split_at(end);
            bytes = &rest[1..];
            if self.line.is_empty() && !self.skipping && line.len() <= MAX_LINE {
                self.read(line);
            } else {
                self.append(line);
                self.finish();
            }
        }
        self.append(bytes);
    }

    /// Bytes are missing here: nothing is read up to the next line.
    pub fn gap(&mut self) {
        self.line.clear();
        self.skipping = true;
        self.missed = true;
    }

    /// The answer ends here, or a line does. The last line of an answer may end without a line feed.
    pub fn finish(&mut self) {
        if !self.skipping {
            let mut line = std::mem::take(&mut self.line);
            self.read(&line);
            line.clear();
            self.line = line;
        }
        self.skipping = false;
    }

    fn append(&mut self, bytes: &[u8]) {
        if self.skipping {
            return;
        }
        if self.line.len() + bytes.len() > MAX_LINE {
            self.gap();
        } else {
            self.line.extend_from_slice(bytes);
        }
    }

    fn read(&mut self, line: &[u8]) {
        let Ok(line) = std::str::from_utf8(line) else { return };
        // Nearly all lines tell how far a layer is.
        if !["\"error", "\"message\"", "Status: "].iter().any(|word| line.contains(word)) {
            return;
        }
        let Ok(Line { status, error, error_detail, message }) = serde_json::from_str(line) else { return };
        let detail = error_detail.unwrap_or_default();
        let texts = [detail.message, error, message];
        let mut texts = texts.iter().flatten().filter(|text| !text.is_empty()).peekable();
        let code = detail.code.filter(|&code| code != 0);
        if code.is_some() || texts.peek().is_some() {
            self.failed = true;
            let of_code = code.and_then(|code| u16::try_from(code).ok()).and_then(Trouble::of_code);
            let of_text = texts.find_map(|text| Trouble::of_text(text));
            self.trouble = self.trouble.or(of_code).or(of_text);
        }
        let Some(status) = status else { return };
        if status.starts_with("Status: Downloaded newer image for ") {
            self.up_to_date = Some(false);
        } else if status.starts_with("Status: Image is up to date for ") {
            // With all tags of a repository there is one such line for each.
            self.up_to_date.get_or_insert(true);
        }
    }

    /// Whether a failure was told. Not that there was none, where lines were [missed](Self::missed).
    pub fn failed(&self) -> bool {
        self.failed
    }

    /// Why it failed; `None` where that is not known, or nothing failed.
    pub fn trouble(&self) -> Option<Trouble> {
        self.trouble
    }

    /// Whether all of the image was there already, once it is told.
    pub fn up_to_date(&self) -> Option<bool> {
        self.up_to_date
    }

    /// Whether lines were not read, because bytes were missing or they were too long.
    pub fn missed(&self) -> bool {
        self.missed
    }
}

/// What is read of a line.
#[derive(Deserialize)]
struct Line {
    status: Option<String>,
    error: Option<String>,
    #[serde(rename = "errorDetail")]
    error_detail: Option<Detail>,
    message: Option<String>,
}

#[derive(Default, Deserialize)]
struct Detail {
    code: Option<i64>,
    message: Option<String>,
}
