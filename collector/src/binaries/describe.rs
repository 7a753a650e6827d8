//! What was found in a program file, in a few words for people.

use binary::{Point, Program, Refusal};

/// Such as `Go 1.19.8: 15 probes`, or the sentence that says why there are none.
pub fn describe(found: &Result<Program, Refusal>) -> String {
    match found {
        Ok(Program::Go(go)) => {
            format!("Go {}: {}{}", go.version, probes(go.probes.len()), but(&go.refused))
        }
        Ok(Program::OpenSsl(openssl)) => format!("OpenSSL: {}", probes(openssl.probes.len())),
        Ok(Program::None) => "no Go program, and no OpenSSL inside".to_owned(),
        Err(refusal) => format!("refused: {refusal}"),
    }
}

fn probes(number: usize) -> String {
    format!("{number} probe{}", if number == 1 { "" } else { "s" })
}

/// The functions that get no probe, and why the first of them gets none.
fn but(refused: &[(Point, Refusal)]) -> String {
    let Some((point, refusal)) = refused.first() else { return String::new() };
    let others = if refused.len() > 1 { format!(" and {} more", refused.len() - 1) } else { String::new() };
    format!("; not {}{others}: {refusal}", point.name())
}
