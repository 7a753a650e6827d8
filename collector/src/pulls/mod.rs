//! The pull log: which images are being pulled, and which were, with all that a label cannot say.
//!
//! - [`log`] keeps what the model tells of pulls, bounded, and hands changes to whoever subscribed;
//! - [`entry`] is a pull as it is kept;
//! - [`document`] is a pull as `/api/v1/pulls` shows it and `pullscope pulls` reads it;
//! - [`filter`] is what the query of that page may ask for.

pub mod document;
pub mod entry;
pub mod filter;
pub mod log;
#[cfg(test)]
mod tests;

pub use log::PullLog;
