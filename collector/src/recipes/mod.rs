//! Recipes: what an operator says of a program that pullscope knows nothing of, in a few lines of TOML: which process it is,
//! what begins and what ends something that it does, and which metric that feeds.
//!
//! | file | idea |
//! | --- | --- |
//! | [`rule`] | a recipe that was read and checked, as the model follows it |
//! | [`pattern`] | the words of requests and commands, and what is captured of them |
//! | `file` | recipes as they are written |
//! | `check` | from there to rules, or to the reason why not |
//! | `good` | which ends are good ones |
//! | [`shipped`] | the recipes that come with the program |
//! | [`describe`] | a rule in plain English |

mod check;
pub mod describe;
pub(crate) mod file;
mod good;
pub mod pattern;
pub mod rule;
pub mod shipped;

pub use rule::Recipe;
