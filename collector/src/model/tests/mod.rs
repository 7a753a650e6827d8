//! The model, driven with events and judged by the facts that come out.

mod connects;
mod decrypted;
mod downloads;
mod exchanges;
mod gauges;
mod go;
mod go_http1;
mod go_http2;
mod go_loss;
mod go_served;
mod lookups;
mod registries;
mod resync;
mod scene;
mod served;
mod tls;
