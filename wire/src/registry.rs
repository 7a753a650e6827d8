//! The registry label of the metrics: an eTLD+1 of the full public suffix list, so that it is bounded and says who runs
//! the registry.

use std::fmt;
use std::sync::Arc;

use crate::host;
use crate::reference::Reference;

/// Which registry something belongs to, as a metric label.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RegistryLabel {
    /// An eTLD+1, such as `docker.io`: the public suffix (ICANN and private sections) and one label more.
    Name(Arc<str>),
    /// The registry was named by an IP literal.
    IpAddress,
    /// The registry has no eTLD+1, or is not known.
    #[default]
    Unknown,
}

impl RegistryLabel {
    /// The label of the registry in an image reference. What is no reference is [`Unknown`](Self::Unknown).
    pub fn from_reference(reference: &str) -> Self {
        Reference::parse(reference).map_or(Self::Unknown, |r| Self::from_host(r.registry_host()))
    }

    /// The label of `host[:port]`. Case and one trailing dot do not matter.
    pub fn from_host(authority: &str) -> Self {
        let Some(authority) = host::normalise(authority) else {
            // An IPv6 literal without brackets is not `host[:port]`, but names an address all the same.
            return if host::address(authority).is_some() { Self::IpAddress } else { Self::Unknown };
        };
        let name = host::without_port(&authority);
        let name = name.strip_suffix('.').unwrap_or(name);
        if host::address(name).is_some() {
            return Self::IpAddress;
        }
        // The list answers for any text. A name with an empty label has no place in the DNS, and no top-level domain
        // is a number.
        let numeric = name.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
        if numeric || name.split('.').any(str::is_empty) {
            return Self::Unknown;
        }
        psl::domain_str(name).map_or(Self::Unknown, |domain| Self::Name(domain.into()))
    }

    /// The label's text: the name, `[IP_ADDRESS]` or `[UNKNOWN]`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Name(name) => name,
            Self::IpAddress => "[IP_ADDRESS]",
            Self::Unknown => "[UNKNOWN]",
        }
    }
}

impl fmt::Display for RegistryLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests;
