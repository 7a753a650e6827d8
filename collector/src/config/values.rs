//! The settings' values: each is checked where it is read, whichever source it comes from.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use super::DEFAULT_LISTEN_ADDRESS;

/// How sockets are watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    /// `sock` where the kernel has it, else `syscall`.
    #[default]
    Auto,
    /// Tracepoints of the socket layer, Linux 6.3 and newer: costs nothing where nobody is watched.
    Sock,
    /// The end of every system call, any Linux that loads the programs: costs each system call a little.
    Syscall,
}

/// Whether programs of a TLS library get probes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// Those that watched processes run.
    #[default]
    Auto,
    /// None: their connections are opaque.
    Off,
}

/// One value or a list of them, as the file may have it.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "expected an address such as \"127.0.0.1:10617\", or a list of them")]
pub enum OneOrMany<T> {
    /// One.
    One(T),
    /// A list.
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    /// As a list.
    pub fn into_vec(self) -> Vec<T> {
        match self {
            Self::One(value) => vec![value],
            Self::Many(values) => values,
        }
    }
}

/// An address to serve at: `HOST:PORT`, or `:PORT` for every address of the machine.
///
/// The host is an IP address (IPv6 in brackets) or a name that is looked up once, at the start.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ListenAddress {
    host: String,
    port: u16,
}

impl ListenAddress {
    /// IP address without brackets, or name; empty for every address of the machine.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port; 0 lets the kernel choose one.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Default for ListenAddress {
    fn default() -> Self {
        let (host, port) = DEFAULT_LISTEN_ADDRESS.split_once(':').unwrap_or_default();
        Self { host: host.to_owned(), port: port.parse().unwrap_or_default() }
    }
}

impl FromStr for ListenAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let malformed = || format!("`{text}` is not HOST:PORT, [IPV6]:PORT or :PORT");
        let (host, port) = text.rsplit_once(':').ok_or_else(malformed)?;
        let port = port.parse().map_err(|_| malformed())?;
        let host = match host.strip_prefix('[').map(|rest| rest.strip_suffix(']')) {
            Some(Some(inside)) if inside.parse::<std::net::Ipv6Addr>().is_ok() => inside,
            Some(_) => return Err(malformed()),
            None => host,
        };
        let in_brackets = text.starts_with('[');
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if !in_brackets && !host.chars().all(allowed) {
            return Err(malformed());
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

impl TryFrom<String> for ListenAddress {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Path at which metrics are served.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct TelemetryPath(String);

impl TelemetryPath {
    /// The path, with its leading slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for TelemetryPath {
    fn default() -> Self {
        Self("/metrics".to_owned())
    }
}

impl FromStr for TelemetryPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | '~');
        if !text.starts_with('/') || text.len() > 128 || !text.chars().all(allowed) {
            Err(format!("`{text}` is not a path: a slash, then letters, digits and / . - _ ~"))
        } else if matches!(text, "/healthz" | "/readyz") {
            Err(format!("`{text}` is taken: it says how pullscope is"))
        } else if text == "/api" || text.starts_with("/api/") {
            Err(format!("`{text}` is taken: below /api are image pulls"))
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}

impl TryFrom<String> for TelemetryPath {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// Declares a number with a default and a range, the same from every source.
macro_rules! number {
    ($(#[$meta:meta])* $name:ident, default $default:literal, $check:expr, $says:literal) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
        #[serde(try_from = "i64")]
        pub struct $name(u32);

        impl $name {
            /// The number.
            pub fn get(self) -> u32 {
                self.0
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self($default)
            }
        }

        impl TryFrom<i64> for $name {
            type Error = String;

            fn try_from(number: i64) -> Result<Self, String> {
                let check: fn(u32) -> bool = $check;
                match u32::try_from(number) {
                    Ok(number) if check(number) => Ok(Self(number)),
                    _ => Err(format!("{number} is not {}", $says)),
                }
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                let number: i64 = text.parse().map_err(|_| format!("`{text}` is not {}", $says))?;
                number.try_into()
            }
        }
    };
}

number!(
    /// Size of the ring buffer in bytes: a power of two of whole pages, as the kernel wants it (kernel/bpf/ringbuf.c).
    RingBufferBytes, default 4_194_304, |n| n.is_power_of_two() && (4096..=1 << 30).contains(&n),
    "a power of two from 4096 to 1073741824"
);
number!(
    /// Most connections that are followed at once; each takes about 200 bytes in the kernel.
    MaxConnections, default 16_384, |n| (16..=1 << 20).contains(&n), "a number from 16 to 1048576"
);
number!(
    /// Most values of the `registry` label, `[IP_ADDRESS]`, `[UNKNOWN]` and `[OTHER]` apart.
    MaxRegistries, default 200, |n| (1..=1000).contains(&n), "a number from 1 to 1000"
);
number!(
    /// Most ended pulls that the pull log keeps; each takes some KiB.
    PullsRemember, default 1000, |n| n <= 10_000, "a number from 0 to 10000"
);
