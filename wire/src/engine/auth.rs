//! Whether a client of the API presents credentials for a registry.

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

const ANY_PADDING: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, ANY_PADDING);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, ANY_PADDING);

/// Whether there are credentials in the value of `X-Registry-Auth`: JSON in base64, in the alphabet for URLs (RFC 4648
/// section 5; the other is taken too) with a user name, a password or a token that is not empty.
///
/// `None` where it cannot be read, and where it holds credentials by registry, as podman's clients send them: then it depends on
/// the registry whether any are presented.
///
/// The values are decoded into a buffer that is dropped here, and looked at in place: [`Deserialize`] only takes along whether a
/// string is empty.
pub fn has_credentials(registry_auth: &[u8]) -> Option<bool> {
    // Some clients send `null` as it is (podman, `pkg/auth`).
    if registry_auth.is_empty() || registry_auth == b"null" {
        return Some(false);
    }
    let json = URL_SAFE.decode(registry_auth).or_else(|_| STANDARD.decode(registry_auth)).ok()?;
    match serde_json::from_slice(&json).ok()? {
        Config { here: true, .. } => Some(true),
        Config { below: true, .. } => None,
        Config { .. } => Some(false),
    }
}

/// Whether there is a secret in an object, or in an object in it.
#[derive(Clone, Copy, Default)]
struct Config {
    here: bool,
    below: bool,
}

impl<'de> Deserialize<'de> for Config {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ConfigVisitor)
    }
}

struct ConfigVisitor;

impl<'de> Visitor<'de> for ConfigVisitor {
    type Value = Config;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or null")
    }

    fn visit_unit<E>(self) -> Result<Config, E> {
        Ok(Config::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Config, A::Error> {
        let mut config = Config::default();
        while let Some(key) = map.next_key()? {
            match key {
                Key::Secret => config.here |= map.next_value::<Filled>()?.0,
                Key::Known => {
                    map.next_value::<IgnoredAny>()?;
                }
                Key::Registry => {
                    let inner: Config = map.next_value()?;
                    config.below |= inner.here;
                }
            }
        }
        Ok(config)
    }
}

/// What the name of a member is.
enum Key {
    Secret,
    /// It belongs to the object, but is no secret.
    Known,
    /// It is the name of a registry.
    Registry,
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(KeyVisitor)
    }
}

struct KeyVisitor;

impl Visitor<'_> for KeyVisitor {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Key, E> {
        // Go's `encoding/json` does not look at the case.
        let is = |names: &[&str]| names.iter().any(|known| name.eq_ignore_ascii_case(known));
        Ok(if is(&["username", "password", "auth", "identitytoken", "registrytoken"]) {
            Key::Secret
        } else if is(&["serveraddress", "email"]) {
            Key::Known
        } else {
            Key::Registry
        })
    }
}

/// Whether a string is not empty.
struct Filled(bool);

impl<'de> Deserialize<'de> for Filled {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FilledVisitor)
    }
}

struct FilledVisitor;

impl Visitor<'_> for FilledVisitor {
    type Value = Filled;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or null")
    }

    fn visit_unit<E>(self) -> Result<Filled, E> {
        Ok(Filled(false))
    }

    fn visit_str<E>(self, text: &str) -> Result<Filled, E> {
        Ok(Filled(!text.is_empty()))
    }
}
