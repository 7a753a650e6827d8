//! Which ends are good ones: the texts at `ok`, by what can be told of such an end.

use super::rule::{During, Good, Span};

/// Longest text that is kept of a reply.
const MAX_TEXT: usize = 64;

/// Reads one text; the reason where nothing of that kind can be said of how the rule's span ends.
pub fn read(text: &str, span: &Span) -> Result<Good, String> {
    match span {
        Span::During(During::Exchange(..)) => code(text).ok_or_else(|| no_code(text)),
        Span::During(During::Call(_)) => reply(text),
        Span::During(During::Connect(_)) => {
            Err("a connect is good when it is established: `ok` can't be said of it".to_owned())
        }
        Span::During(During::Process) => {
            let status: Option<u8> = text.parse().ok();
            status
                .map(|status| Good::Code(status.into()))
                .ok_or_else(|| format!("`{text}` is no exit status from 0 to 255"))
        }
        Span::Between { .. } => {
            Err("`ok` belongs to `during`: what has a `begin` fails with what stands at `failed`".to_owned())
        }
    }
}

/// A status code (RFC 9110 section 15), or a class of them such as `2xx`.
fn code(text: &str) -> Option<Good> {
    if let Some(class) = text.strip_suffix("xx") {
        return class.parse().ok().filter(|class| (1..=5).contains(class)).map(Good::Class);
    }
    text.parse().ok().filter(|code| (100..=599).contains(code)).map(Good::Code)
}

fn no_code(text: &str) -> String {
    format!("`{text}` is no status code such as `404` or `2xx`")
}

fn reply(text: &str) -> Result<Good, String> {
    if (1..=MAX_TEXT).contains(&text.len()) {
        Ok(Good::Text(text.into()))
    } else {
        Err(format!("a reply's text has 1 to {MAX_TEXT} bytes"))
    }
}
