//! The exchanges of a connection that have no complete response yet, oldest first.

use std::collections::VecDeque;

use crate::http::{Fact, Method, Outcome};

/// Most requests that may be in flight on one connection. Registry clients have one.
const MAX_PENDING: usize = 32;

/// An exchange that waits for the end of its response.
#[derive(Debug)]
pub(super) struct Pending {
    pub exchange: u32,
    pub method: Method,
    /// Position of the response stream when the request was seen.
    pub answer_from: Option<u64>,
}

/// Responses come in the order of their requests (RFC 9112 section 9.3.2).
#[derive(Debug, Default)]
pub(super) struct Queue {
    pending: VecDeque<Pending>,
    next: u32,
}

impl Queue {
    pub fn len(&self) -> usize {
        self.pending.len()
    }

    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    pub fn is_full(&self) -> bool {
        self.len() >= MAX_PENDING
    }

    pub fn contains(&self, exchange: u32) -> bool {
        self.pending.iter().any(|p| p.exchange == exchange)
    }

    pub fn front(&self) -> Option<&Pending> {
        self.pending.front()
    }

    /// Begins an exchange and gives its number.
    pub fn push(&mut self, method: Method, answer_from: Option<u64>) -> u32 {
        let exchange = self.next;
        self.next = self.next.wrapping_add(1);
        self.pending.push_back(Pending { exchange, method, answer_from });
        exchange
    }

    /// Ends the oldest exchange, if there is one.
    pub fn end_front(&mut self, time: u64, outcome: Outcome, exact: bool, facts: &mut Vec<Fact>) {
        if let Some(Pending { exchange, .. }) = self.pending.pop_front() {
            facts.push(Fact::End { exchange, time, outcome, exact });
        }
        if self.pending.is_empty() {
            // An idle connection keeps no memory for it.
            self.pending = VecDeque::new();
        }
    }

    /// Ends all exchanges, none of which has body bytes that were counted inexactly.
    pub fn end_all(&mut self, time: u64, outcome: Outcome, facts: &mut Vec<Fact>) {
        while !self.is_empty() {
            self.end_front(time, outcome, true, facts);
        }
    }
}
