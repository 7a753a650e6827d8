//! The recipes that come with the program: config files, each by itself, in `collector/recipes`, with an example of traffic beside
//! each.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

/// Declares names and files: both files bear their recipe's name.
macro_rules! shipped {
    ($($name:literal,)*) => {
        &[$((
            $name,
            include_str!(concat!("../../recipes/", $name, ".toml")),
            include_str!(concat!("../../recipes/", $name, ".traffic")),
        )),*]
    };
}

/// Name, config file and example of traffic of each, by name.
const TABLE: &[(&str, &str, &str)] = shipped![
    "executor",
    "kraken-agent",
    "queue-consumer",
    "queue-pool",
    "sandbox-router",
    "workload-manager",
];

/// A shipped recipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Shipped(usize);

impl Shipped {
    /// All of them, by name.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..TABLE.len()).map(Self)
    }

    /// Its name, which is also that of its target.
    pub fn name(self) -> &'static str {
        TABLE[self.0].0
    }

    /// The config file.
    pub fn text(self) -> &'static str {
        TABLE[self.0].1
    }

    /// An example of what its processes do, for `pullscope recipes test`.
    pub fn traffic(self) -> &'static str {
        TABLE[self.0].2
    }
}

impl FromStr for Shipped {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::all().find(|shipped| shipped.name() == name).ok_or_else(|| {
            let names: Vec<&str> = Self::all().map(Self::name).collect();
            format!("no recipe `{name}` comes with pullscope: there is `{}`", names.join("`, `"))
        })
    }
}

impl TryFrom<String> for Shipped {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        name.parse()
    }
}

impl fmt::Display for Shipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
