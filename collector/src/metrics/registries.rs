//! Which registries have series of their own: the first so many, for good, so that a stranger's million host names cost
//! nothing.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use wire::registry::RegistryLabel;

use super::labels::Registry;

/// Longest name that becomes a label value, in bytes (RFC 1035 section 2.3.4: names have at most 255 octets on the wire,
/// 253 as text).
const MAX_NAME: usize = 253;

/// The registries that were met, up to a limit.
pub struct Registries {
    room: usize,
    known: Mutex<HashSet<RegistryLabel>>,
}

impl Registries {
    /// None yet, and room for so many. `[IP_ADDRESS]` and `[UNKNOWN]` take no room.
    pub fn new(room: usize) -> Self {
        Self { room, known: Mutex::default() }
    }

    /// The label value for a registry.
    pub fn label(&self, registry: &RegistryLabel) -> Registry {
        let RegistryLabel::Name(name) = registry else {
            return Registry::Own(registry.clone());
        };
        if name.len() > MAX_NAME {
            return Registry::Own(RegistryLabel::Unknown);
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains(registry) {
            Registry::Own(registry.clone())
        } else if known.len() < self.room {
            known.insert(registry.clone());
            Registry::Own(registry.clone())
        } else {
            Registry::Overflow
        }
    }
}
