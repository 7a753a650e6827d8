//! The kernel side as the collector sees it: programs and maps in, plain events out.
//!
//! - [`btf`], [`offsets`], [`registers`]: what the programs must be told about this kernel and this processor;
//! - [`programs`], `load`, [`strategy`], [`shared_array`]: loading and attaching;
//! - [`cgroup`]: where the programs that see `connect` are attached;
//! - [`uprobes`], `multi`: the programs that hang in program files;
//! - [`decode`]: from records to [`crate::model::event::Event`].

pub mod btf;
pub mod cgroup;
pub mod decode;
mod load;
mod multi;
pub mod offsets;
pub mod programs;
pub mod registers;
pub mod shared_array;
pub mod strategy;
pub mod uprobes;
