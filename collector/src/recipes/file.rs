//! Recipes as they are written in TOML. Each value is checked where it is read; what belongs together, [`super::check`] checks.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::pattern::{AddressPattern, CommandPattern, RequestPattern};
use crate::targets::{ArgvPattern, Comm, Role, TargetName};

/// Longest name of an operation and longest value of a label, in bytes.
const MAX_LABEL: usize = 64;
/// Longest name of an isolation, in bytes.
const MAX_ISOLATION: usize = 32;
/// Longest sentence on what a recipe is for, in bytes.
const MAX_ABOUT: usize = 300;
/// Most values of a label of a recipe.
const MAX_VALUES: usize = 100;
/// Longest time that may be written.
const MAX_TIME: std::time::Duration = std::time::Duration::from_secs(7 * 24 * 3600);

/// A table `[[recipe]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenRecipe {
    pub name: TargetName,
    #[serde(default)]
    pub about: About,
    pub comm: Comm,
    pub argv: Option<ArgvPattern>,
    #[serde(default)]
    pub role: Role,
    pub isolation: Option<IsolationName>,
    pub trigger: Option<WrittenTrigger>,
    #[serde(default)]
    pub fetches_name_digest: bool,
    #[serde(default)]
    pub operation: Vec<Spanned<WrittenOperation>>,
    #[serde(default)]
    pub work: Vec<Spanned<WrittenWork>>,
}

/// Declares a table of a rule: its own keys, and those that say from when to when, which come as a [`WrittenSpan`].
macro_rules! rule {
    ($(#[$meta:meta])* $name:ident { $($own:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $(pub $own: $type,)*
            during: Option<Spanned<WrittenDuring>>,
            begin: Option<Spanned<WrittenPoint>>,
            #[serde(default)]
            end: Vec<Spanned<WrittenPoint>>,
            quiet: Option<Time>,
            #[serde(default)]
            also: Vec<Spanned<WrittenPoint>>,
            #[serde(default)]
            failed: Vec<Spanned<WrittenPoint>>,
            each: Option<Spanned<WrittenEach>>,
            #[serde(default)]
            ok: Vec<Spanned<String>>,
            within: Option<Spanned<String>>,
            longest: Option<Time>,
        }

        impl $name {
            /// Its own values, and from when to when it goes on.
            pub fn parts(self) -> ($($type,)* WrittenSpan) {
                let Self { $($own,)* during, begin, end, quiet, also, failed, each, ok, within, longest } = self;
                ($($own,)* WrittenSpan { during, begin, end, quiet, also, failed, each, ok, within, longest })
            }
        }
    };
}
rule!(
    /// A table `[[recipe.operation]]`.
    WrittenOperation { operation: OperationName, kind: Option<Spanned<WrittenSource>>, }
);
rule!(
    /// A table `[[recipe.work]]`.
    WrittenWork { queue: Spanned<WrittenSource>, }
);

/// From when to when something goes on, and how it ends.
#[derive(Debug)]
pub struct WrittenSpan {
    pub during: Option<Spanned<WrittenDuring>>,
    pub begin: Option<Spanned<WrittenPoint>>,
    pub end: Vec<Spanned<WrittenPoint>>,
    pub quiet: Option<Time>,
    pub also: Vec<Spanned<WrittenPoint>>,
    pub failed: Vec<Spanned<WrittenPoint>>,
    pub each: Option<Spanned<WrittenEach>>,
    pub ok: Vec<Spanned<String>>,
    pub within: Option<Spanned<String>>,
    pub longest: Option<Time>,
}

/// What `during` may be: one of these.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenDuring {
    pub served: Option<RequestPattern>,
    pub asked: Option<RequestPattern>,
    pub redis: Option<CommandPattern>,
    pub connect: Option<AddressPattern>,
    pub process: Option<bool>,
}

/// A moment: one of the four, with what `is` and `at` say of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenPoint {
    pub command: Option<CommandPattern>,
    pub reply: Option<CommandPattern>,
    pub is: Option<WrittenIs>,
    pub served: Option<RequestPattern>,
    pub asked: Option<RequestPattern>,
    pub at: Option<WrittenAt>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WrittenIs {
    Any,
    Item,
    Nothing,
    Error,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WrittenAt {
    Request,
    Answer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WrittenEach {
    Thread,
    Connection,
    Process,
    Pool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WrittenTrigger {
    Execution,
    Warmup,
    Unknown,
}

/// Where a label's value comes from: a text, or a table with `from`.
#[derive(Debug)]
pub enum WrittenSource {
    Fixed(LabelText),
    Captured(Box<WrittenCapture>),
}

/// A value that a pattern captures.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenCapture {
    pub from: Spanned<String>,
    pub values: Option<Vec<Spanned<LabelText>>>,
    pub most: Option<Most>,
    pub listed_by: Option<Spanned<CommandPattern>>,
    pub item: Option<Spanned<String>>,
}

impl<'de> Deserialize<'de> for WrittenSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = WrittenSource;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, or a table such as { from = \"queue\", most = 16 }")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<WrittenSource, E> {
                LabelText::try_from(text.to_owned()).map(WrittenSource::Fixed).map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<WrittenSource, A::Error> {
                WrittenCapture::deserialize(MapAccessDeserializer::new(map))
                    .map(Box::new)
                    .map(WrittenSource::Captured)
            }
        }

        deserializer.deserialize_any(Either)
    }
}

/// Declares a text that is checked where it is read.
macro_rules! text {
    ($(#[$meta:meta])* $name:ident, $check:expr, $says:expr) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(pub String);

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                let check: fn(&str) -> bool = $check;
                if check(&text) { Ok(Self(text)) } else { Err($says) }
            }
        }
    };
}
text!(
    /// Value of the `operation` label.
    OperationName,
    |text| {
        text.len() <= MAX_LABEL
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '_'))
    },
    format!("an operation's name has 1 to {MAX_LABEL} of a-z, 0-9 and `_`, a letter first")
);
text!(
    /// Value of a label.
    LabelText,
    |text| (1..=MAX_LABEL).contains(&text.len()) && !text.contains(char::is_control),
    format!("a label's value has 1 to {MAX_LABEL} bytes, and no control characters")
);
text!(
    /// Value of the `isolation` label.
    IsolationName,
    |text| {
        (1..=MAX_ISOLATION).contains(&text.len())
            && text.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '_' | '-' | '.'))
    },
    format!("an isolation has 1 to {MAX_ISOLATION} of a-z, 0-9, `_`, `-` and `.`")
);
text!(
    /// What a recipe is for.
    About,
    |text| text.len() <= MAX_ABOUT && !text.contains(char::is_control),
    format!("`about` is one sentence of at most {MAX_ABOUT} bytes")
);

/// How many values a label may have.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "i64")]
pub struct Most(pub usize);

impl Most {
    /// Most that may be written.
    pub const MAX: Self = Self(MAX_VALUES);
}

impl TryFrom<i64> for Most {
    type Error = String;

    fn try_from(number: i64) -> Result<Self, String> {
        usize::try_from(number)
            .ok()
            .filter(|number| (1..=Self::MAX.0).contains(number))
            .map(Self)
            .ok_or_else(|| format!("{number} is not a number from 1 to {MAX_VALUES}"))
    }
}

/// A length of time in nanoseconds.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Time(pub u64);

impl TryFrom<String> for Time {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let time = humantime::parse_duration(&text).ok();
        time.filter(|time| time.as_millis() > 0 && *time <= MAX_TIME)
            .and_then(|time| u64::try_from(time.as_nanos()).ok())
            .map(Self)
            .ok_or_else(|| {
                format!("`{text}` is no time from 1ms to 7days, such as `500ms`, `30s`, `5m` or `1h`")
            })
    }
}
