//! Redis as nobody wrote it down: conversations and values made up by generators.

mod conversations;
#[path = "../support/redis.rs"]
mod support;
mod values;
