//! The model, driven with events and judged by the facts that come out.

mod connects;
mod downloads;
mod exchanges;
mod gauges;
mod lookups;
mod registries;
mod resync;
mod scene;
mod served;
