//! Where text is printed: how wide it is there, and whether in colour.

use std::io::{self, IsTerminal};

/// Width where there is no terminal.
const WIDTH: usize = 80;

/// A place to print to.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    /// Its columns; `None` where it is no terminal.
    pub columns: Option<usize>,
    /// Whether it shows colours, and they are wanted.
    pub colours: bool,
}

/// A colour of a terminal (ECMA-48, SGR).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// Bad.
    Red,
    /// Good.
    Green,
    /// Going on.
    Yellow,
    /// Of less weight.
    Dim,
    /// Of more.
    Bold,
}

impl Terminal {
    /// Standard output. Colours are for terminals, and not where `NO_COLOR` has a value (no-color.org).
    pub fn stdout() -> Self {
        let out = io::stdout();
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        let columns = terminal_size::terminal_size_of(&out).map(|(width, _)| usize::from(width.0));
        Self { columns: columns.filter(|_| out.is_terminal()), colours: out.is_terminal() && !refused }
    }

    /// Its columns, or as many as are usual.
    pub fn width(&self) -> usize {
        self.columns.unwrap_or(WIDTH)
    }

    /// Text in a colour.
    pub fn paint(&self, colour: Colour, text: &str) -> String {
        let code = match colour {
            Colour::Red => 31,
            Colour::Green => 32,
            Colour::Yellow => 33,
            Colour::Dim => 2,
            Colour::Bold => 1,
        };
        if self.colours && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Text of a stranger as it can be printed: a terminal obeys control characters, and names of images are ASCII.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect()
}

/// The end of a text that is too long for its place: names of images differ at their ends.
pub fn shortened(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return text.to_owned();
    }
    let end: String = text.chars().skip(length - width.saturating_sub(1)).collect();
    format!("…{end}")
}
