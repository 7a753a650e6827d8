//! The words of a pattern, and how they fit those of a request or a command.

use std::iter;

use super::{Captures, REPLY};

/// Most words of a pattern.
const MAX_WORDS: usize = 32;
/// Longest name of a capture.
const MAX_NAME: usize = 32;

/// How letters are compared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    /// As they are.
    Told,
    /// Words in capital letters fit in any case: options of commands are sent in both.
    Capitals,
}

/// Words, with any number of others at one place at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Words {
    before: Vec<Word>,
    /// What comes after `**`; `None` where there is no `**`.
    after: Option<Vec<Word>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Word {
    pieces: Vec<Piece>,
    /// Letters of any case.
    any_case: bool,
}

/// A piece of a word. No two holes stand side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// At least one character; kept under this name, if any.
    Hole(Option<String>),
}

impl Words {
    pub fn parse<'a>(words: impl Iterator<Item = &'a str>, case: Case) -> Result<Self, String> {
        let mut parsed = Self { before: Vec::new(), after: None };
        for (place, word) in words.enumerate() {
            if place == MAX_WORDS {
                return Err(format!("a pattern has at most {MAX_WORDS} words"));
            }
            if word == "**" {
                if parsed.after.replace(Vec::new()).is_some() {
                    return Err("`**` may stand once in a pattern".to_owned());
                }
                continue;
            }
            if word.is_empty() && case == Case::Capitals {
                return Err("two words have one space between them".to_owned());
            }
            parsed.after.as_mut().unwrap_or(&mut parsed.before).push(Word::parse(word, case)?);
        }
        let names: Vec<&str> = parsed.captures().collect();
        match names.iter().enumerate().find(|(place, name)| names[..*place].contains(name)) {
            Some((_, name)) => Err(format!("`{{{name}}}` stands twice in a pattern")),
            None => Ok(parsed),
        }
    }

    pub fn captures(&self) -> impl Iterator<Item = &str> {
        let words = self.before.iter().chain(self.after.iter().flatten());
        words.flat_map(|word| &word.pieces).filter_map(|piece| match piece {
            Piece::Hole(name) => name.as_deref(),
            Piece::Text(_) => None,
        })
    }

    /// What they capture of `count` words, given from the first and from the last; `None` where they do not fit.
    pub fn fit<'p, 't>(
        &'p self,
        count: usize,
        forwards: impl Iterator<Item = Option<&'t str>>,
        backwards: impl Iterator<Item = Option<&'t str>>,
    ) -> Option<Captures<'p, 't>> {
        let fixed = self.before.len() + self.after.as_ref().map_or(0, Vec::len);
        let enough = if self.after.is_some() { count >= fixed } else { count == fixed };
        if !enough {
            return None;
        }
        let mut captures = Captures::new();
        let last = self.after.iter().flat_map(|after| after.iter().rev());
        let pairs = iter::zip(&self.before, forwards).chain(iter::zip(last, backwards));
        for (own, word) in pairs {
            own.fit(word, &mut captures)?;
        }
        Some(captures)
    }
}

impl Word {
    fn parse(word: &str, case: Case) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = word;
        while !rest.is_empty() {
            let (piece, behind) = Piece::parse(rest).ok_or_else(|| {
                format!("`{word}` has a brace that is not one of a name such as `{{queue}}` (a-z, 0-9 and _, at most {MAX_NAME})")
            })?;
            if matches!(&piece, Piece::Hole(Some(name)) if name == REPLY) {
                return Err(format!("`{{{REPLY}}}` is what a reply says: another name is needed"));
            }
            if matches!((pieces.last(), &piece), (Some(Piece::Hole(_)), Piece::Hole(_))) {
                return Err(format!("`{word}` has nothing between two parts that may be anything"));
            }
            pieces.push(piece);
            rest = behind;
        }
        let capitals = word.bytes().any(|byte| byte.is_ascii_uppercase())
            && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
        Ok(Self { pieces, any_case: case == Case::Capitals && capitals })
    }

    fn fit<'p, 't>(&'p self, word: Option<&'t str>, captures: &mut Captures<'p, 't>) -> Option<()> {
        let Some(mut rest) = word else {
            // Not known: only where any word fits.
            return matches!(self.pieces.as_slice(), [Piece::Hole(_)]).then_some(());
        };
        if let (true, [Piece::Text(text)]) = (self.any_case, self.pieces.as_slice()) {
            return text.eq_ignore_ascii_case(rest).then_some(());
        }
        // A hole that was met and whose end is not known yet.
        let mut hole: Option<&'p Option<String>> = None;
        for (place, piece) in self.pieces.iter().enumerate() {
            match piece {
                Piece::Hole(name) => hole = Some(name),
                Piece::Text(text) => {
                    let start = match hole {
                        None => rest.starts_with(text.as_str()).then_some(0)?,
                        // The last text must stand at the end; another one as early as it can: if the words fit at all, then so.
                        Some(_) if place + 1 == self.pieces.len() => rest
                            .ends_with(text.as_str())
                            .then(|| rest.len() - text.len())
                            .filter(|&start| start > 0)?,
                        Some(_) => {
                            let held = rest.chars().next()?.len_utf8();
                            held + rest[held..].find(text.as_str())?
                        }
                    };
                    if let Some(Some(name)) = hole.take() {
                        captures.push((name, &rest[..start]));
                    }
                    rest = &rest[start + text.len()..];
                }
            }
        }
        match hole {
            Some(_) if rest.is_empty() => None,
            Some(name) => {
                captures.extend(name.as_deref().map(|name| (name, rest)));
                Some(())
            }
            None => rest.is_empty().then_some(()),
        }
    }
}

impl Piece {
    /// The first piece and what is behind it; `None` for braces that make no name.
    fn parse(text: &str) -> Option<(Self, &str)> {
        if let Some(behind) = text.strip_prefix('*') {
            return Some((Self::Hole(None), behind));
        }
        if let Some(inside) = text.strip_prefix('{') {
            let (name, behind) = inside.split_once('}')?;
            let allowed = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '_');
            let good = (1..=MAX_NAME).contains(&name.len()) && name.chars().all(allowed);
            return good.then(|| (Self::Hole(Some(name.to_owned())), behind));
        }
        let end = text.find(['*', '{', '}']).unwrap_or(text.len());
        let (own, behind) = text.split_at(end);
        (!own.is_empty()).then(|| (Self::Text(own.to_owned()), behind))
    }
}
