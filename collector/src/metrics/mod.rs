//! From facts to numbers.
//!
//! - [`table`] declares every metric; [`label`] and [`labels`] give its labels types;
//! - [`family`] is a declared metric that can be recorded; [`image_pulls`], [`registry_traffic`], [`served`], [`cri`], [`work`]
//!   and [`itself`] hold those of one section each; [`registries`] bounds the `registry` label; [`exporter`] adds the standard `process_*`;
//! - [`Metrics::record`] is the one place where a fact of the model becomes numbers.
//!
//! The `prometheus` crate is used here and nowhere else.

pub mod cri;
pub mod exporter;
pub mod family;
pub mod image_pulls;
pub mod itself;
pub mod label;
pub mod labels;
mod record;
pub mod registries;
pub mod registry_traffic;
pub mod served;
pub mod table;
#[cfg(test)]
mod tests;
pub mod work;

use std::io::{self, Write};

use prometheus::{Encoder, Registry, TextEncoder};

use crate::recipes::Recipe;
use crate::targets::{Role, Target, Targets};
use family::Builder;
use labels::Process;
use registries::Registries;

/// Media type of what [`Metrics::write`] writes: Prometheus's text format.
pub const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Every metric, with what is needed to record it.
pub struct Metrics {
    registry: Registry,
    /// By target id.
    processes: Vec<(Process, Role)>,
    registries: Registries,
    /// Whole image pulls.
    pub pulls: image_pulls::ImagePulls,
    /// What the watched processes ask of registries.
    pub traffic: registry_traffic::RegistryTraffic,
    /// What they serve.
    pub served: served::Served,
    /// What is asked of runtimes over the CRI.
    pub cri: cri::Cri,
    /// What recipes count.
    pub work: work::Work,
    /// What pullscope says of itself.
    pub itself: itself::Itself,
}

/// Programs that serve the CRI, by comm.
const CRI_RUNTIMES: [&str; 3] = ["containerd", "crio", "cri-dockerd"];

impl Metrics {
    /// All metrics of the table, with the zero-valued series that are known from the start. Fails where the table holds a
    /// name that Prometheus does not take, which a test rules out.
    pub fn new(targets: &Targets, recipes: &[Recipe], max_registries: usize) -> Result<Self, String> {
        Self::build(targets, recipes, max_registries).map_err(|error| error.to_string())
    }

    fn build(targets: &Targets, recipes: &[Recipe], max_registries: usize) -> prometheus::Result<Self> {
        let registry = Registry::new();
        let labelled = |target: &Target| (Process(target.name.as_str().into()), target.role);
        let processes: Vec<(Process, Role)> = targets.as_slice().iter().map(labelled).collect();
        let with_role = |has: fn(Role) -> bool| -> Vec<Process> {
            processes.iter().filter(|(_, role)| has(*role)).map(|(process, _)| process.clone()).collect()
        };
        let all = with_role(|_| true);
        let serves_cri = |target: &&Target| CRI_RUNTIMES.contains(&target.comm.as_str());
        let runtimes = targets.as_slice().iter().filter(serves_cri).map(|target| labelled(target).0);
        let runtimes: Vec<Process> = runtimes.collect();
        let builder = Builder::new(&registry, &table::itself::SERIES_DROPPED)?;
        let pulls = image_pulls::ImagePulls::new(&builder)?;
        let traffic = registry_traffic::RegistryTraffic::new(&builder, &all, &with_role(Role::is_client))?;
        let served = served::Served::new(&builder, &with_role(Role::is_server))?;
        let cri = cri::Cri::new(&builder, &runtimes)?;
        let work = work::Work::new(&builder, recipes)?;
        let itself = itself::Itself::new(&builder, &all)?;
        registry.register(Box::new(exporter::Exporter::new()?))?;
        let registries = Registries::new(max_registries);
        Ok(Self { registry, processes, registries, pulls, traffic, served, cri, work, itself })
    }

    /// Writes every series in Prometheus's text format, version 0.0.4.
    pub fn write(&self, mut to: impl Write) -> io::Result<()> {
        TextEncoder::new().encode(&self.registry.gather(), &mut to).map_err(io::Error::other)
    }
}

/// Nanoseconds as seconds.
#[allow(clippy::cast_precision_loss)] // 2^53 ns are 104 days; past that, a millionth of a second does not matter.
fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e9
}
