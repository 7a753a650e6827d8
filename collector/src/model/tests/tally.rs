//! What must come out even whatever happens: gauges, and pulls.

use std::collections::HashMap;

use proptest::prelude::*;

use crate::model::fact::Fact;
use crate::model::pull::record::{PullId, PullStatus};

/// What is in flight, by the labels of its beginning.
#[derive(Default)]
pub struct Gauges(pub HashMap<String, i64>);

/// Pulls, by their facts.
#[derive(Default)]
pub struct Pulled {
    /// Whether each has ended, by what the log was told.
    records: HashMap<PullId, bool>,
    /// Pulls that were counted.
    counted: usize,
    /// Their bytes: those that were counted, those that the log has.
    bytes: [u64; 2],
}

impl Pulled {
    pub fn add(&mut self, fact: &Fact) -> Result<(), TestCaseError> {
        match fact {
            Fact::Pulled(pulled) => {
                self.counted += 1;
                prop_assert_eq!(pulled.trouble.is_some(), pulled.status == PullStatus::Error, "{:?}", pulled);
            }
            Fact::PullBytes { bytes, .. } => self.bytes[0] = self.bytes[0].saturating_add(*bytes),
            Fact::PullChanged(record) => {
                let ended = record.end.is_some();
                prop_assert_ne!(self.records.insert(record.id, ended), Some(true), "it had ended");
                prop_assert!(
                    record.phases.iter().map(|phase| u128::from(phase.bytes)).sum::<u128>()
                        <= u128::from(record.bytes)
                );
                if let Some(end) = record.end {
                    prop_assert_eq!(end.trouble.is_some(), end.status == PullStatus::Error, "{:?}", record);
                    self.bytes[1] = self.bytes[1].saturating_add(record.bytes);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Each that has begun has ended, and was counted once.
    pub fn check(&self) -> Result<(), TestCaseError> {
        prop_assert!(self.records.values().all(|ended| *ended), "{:?}", self.records);
        prop_assert_eq!(self.counted, self.records.len());
        prop_assert_eq!(self.bytes[0], self.bytes[1]);
        Ok(())
    }
}

impl Gauges {
    pub fn add(&mut self, fact: &Fact) -> Result<(), TestCaseError> {
        let (labels, step) = match fact {
            Fact::RequestBegan(client) => (format!("request {client:?}"), 1),
            Fact::RequestEnded { client, .. } => (format!("request {client:?}"), -1),
            Fact::ServedBegan { process } => (format!("served {process:?}"), 1),
            Fact::ServedEnded { process, .. } => (format!("served {process:?}"), -1),
            Fact::ConnectionBegan { process, role } => (format!("connection {process:?} {role:?}"), 1),
            Fact::ConnectionEnded { process, role } => (format!("connection {process:?} {role:?}"), -1),
            Fact::PullBegan(client) => (format!("pull {client:?}"), 1),
            Fact::PullEnded(client) => (format!("pull {client:?}"), -1),
            Fact::ProcessBegan { process } => (format!("process {process:?}"), 1),
            Fact::ProcessEnded { process } => (format!("process {process:?}"), -1),
            Fact::OperationBegan(operation) => (format!("{operation:?}"), 1),
            Fact::OperationEnded { operation, .. } => (format!("{operation:?}"), -1),
            Fact::WorkBegan(work) => (format!("{work:?}"), 1),
            Fact::WorkEnded { work, .. } => (format!("{work:?}"), -1),
            _ => return Ok(()),
        };
        let value = self.0.entry(labels).or_default();
        *value += step;
        prop_assert!(*value >= 0, "an end without a beginning: {fact:?}");
        Ok(())
    }

    pub fn open(&self) -> i64 {
        self.0.values().sum()
    }
}
