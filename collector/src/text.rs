//! Text from elsewhere, made fit for who reads it line by line.

/// The text without line ends and other control characters, in at most so many bytes; three more, dots, where it was cut.
pub fn one_line(text: &str, most: usize) -> String {
    let mut text = text.replace(char::is_control, " ");
    if text.len() > most {
        let end = (0..=most).rev().find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or_default());
        text.push_str("...");
    }
    text
}
