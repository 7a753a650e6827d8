//! The version of the Go release that made a program.

use std::fmt;

use crate::Refusal;

/// A released version of Go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version {
    /// 1
    pub major: u16,
    /// The release: 19 in 1.19.8.
    pub minor: u16,
    /// The correction of the release: 8 in 1.19.8, 0 in 1.20.
    pub patch: u16,
}

/// Experiments of the toolchain that leave alone how functions are called and how the structs of `net/http` are laid out
/// (`internal/goexperiment/flags.go` of Go 1.19 to 1.27). Those that do not: `noregabi...`.
const HARMLESS: [&str; 8] = [
    "boringcrypto",
    "systemcrypto",
    "opensslcrypto",
    "loopvar",
    "rangefunc",
    "synctest",
    "jsonv2",
    "greenteagc",
];

impl Version {
    /// Reads what the linker writes into a program: `go1.19.8`, `go1.21.13 X:boringcrypto`, `go1.20.10 (Red Hat ...)`.
    pub(crate) fn parse(text: &str) -> Result<Self, Refusal> {
        let development = text.contains("devel") || text.contains("rc") || text.contains("beta");
        let (number, rest) = text.split_once(' ').unwrap_or((text, ""));
        let Some(version) = number.strip_prefix("go").and_then(numbers) else {
            return Err(if development { Refusal::Development } else { Refusal::VersionUnknown });
        };
        for word in rest.split(' ') {
            let Some(experiments) = word.strip_prefix("X:") else { continue };
            if experiments.split(',').any(|experiment| !HARMLESS.contains(&experiment)) {
                return Err(Refusal::Experiment);
            }
        }
        Ok(version)
    }
}

/// `1.20` or `1.19.8`, and nothing else.
fn numbers(text: &str) -> Option<Version> {
    let mut parts = text.split('.').map(|part| {
        let digits = !part.is_empty() && part.len() < 5 && part.bytes().all(|byte| byte.is_ascii_digit());
        if digits { part.parse().ok() } else { None }
    });
    let (major, minor) = (parts.next()??, parts.next()??);
    let patch = parts.next().unwrap_or(Some(0))?;
    if parts.next().is_some() {
        return None;
    }
    Some(Version { major, minor, patch })
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_read() {
        let version = |minor, patch| Ok(Version { major: 1, minor, patch });
        assert_eq!(Version::parse("go1.19.8"), version(19, 8));
        assert_eq!(Version::parse("go1.20"), version(20, 0));
        assert_eq!(Version::parse("go1.21.13 X:boringcrypto"), version(21, 13));
        assert_eq!(Version::parse("go1.20.10 (Red Hat 1.20.10-1.el9)"), version(20, 10));
        assert_eq!(Version::parse("go1.26.0 X:jsonv2,greenteagc"), version(26, 0));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["devel go1.28-abcdef Sat", "go1.27rc1", "go1.21beta1", "devel +abcdef"] {
            assert_eq!(Version::parse(text), Err(Refusal::Development), "{text}");
        }
        for text in
            ["", "go", "go1", "1.19.8", "go1.x", "go1.19.8.1", "go1.+9", "go1.99999", "gccgo 12", "go1.19."]
        {
            assert_eq!(Version::parse(text), Err(Refusal::VersionUnknown), "{text}");
        }
        for text in ["go1.19.8 X:noregabiargs", "go1.22.1 X:boringcrypto,unheard", "go1.22.1 X:"] {
            assert_eq!(Version::parse(text), Err(Refusal::Experiment), "{text}");
        }
    }
}
