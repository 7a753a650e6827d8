//! Every metric, declared once: name, type, help, unit, labels with their values, buckets, and what `explain` says.
//!
//! What stands here is all there is: the Prometheus registry, `docs/metrics.md`, `pullscope explain` and the zero-valued
//! series of the start derive from it. A metric is declared in its section's file and recorded in the file of the same
//! name one level up.

mod buckets;
pub mod cri;
pub mod image_pulls;
pub mod itself;
pub mod registry_traffic;
pub mod served;
pub mod work;

use std::marker::PhantomData;

use super::label::{Label, LabelSet, Values};

/// What every metric's name begins with.
pub const PREFIX: &str = "pullscope_";

/// How a metric's value behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Type {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts observations in buckets with these upper bounds.
    Histogram(&'static [f64]),
}

impl Type {
    /// Prometheus's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

/// One metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    /// Name without [`PREFIX`].
    pub name: &'static str,
    /// How its value behaves.
    pub r#type: Type,
    /// What one unit of the value is.
    pub unit: &'static str,
    /// One sentence: the `HELP` line.
    pub help: &'static str,
    /// What it counts, when it moves, and what cannot be known.
    pub about: &'static str,
    /// Its labels, in order.
    pub labels: &'static [Label],
}

impl Metric {
    /// Name with [`PREFIX`].
    pub fn full_name(&self) -> String {
        format!("{PREFIX}{}", self.name)
    }

    /// Whether all its label sets are known from the start, given the targets: then they all exist from the start.
    pub fn is_known_from_the_start(&self) -> bool {
        self.labels.iter().all(|label| matches!(label.values, Values::Closed(_) | Values::Process))
    }

    /// Whether it has the `registry` label.
    pub fn has_registry(&self) -> bool {
        self.labels.iter().any(|label| label.values == Values::Registry)
    }
}

/// A metric together with the types that record it: its labels `L` and the Prometheus crate's instrument `M`.
pub struct Declared<L, M> {
    /// The metric.
    pub metric: Metric,
    types: PhantomData<fn(L) -> M>,
}

/// A declared counter of whole things.
pub type Counter<L> = Declared<L, prometheus::IntCounter>;
/// A declared counter of seconds.
pub type SecondsCounter<L> = Declared<L, prometheus::Counter>;
/// A declared gauge of whole things.
pub type Gauge<L> = Declared<L, prometheus::IntGauge>;
/// A declared histogram of seconds.
pub type Histogram<L> = Declared<L, prometheus::Histogram>;

/// The texts of a metric.
#[derive(Clone, Copy)]
struct Texts {
    name: &'static str,
    unit: &'static str,
    help: &'static str,
    about: &'static str,
}

const fn declare<L: LabelSet, M>(r#type: Type, texts: Texts) -> Declared<L, M> {
    let Texts { name, unit, help, about } = texts;
    Declared { metric: Metric { name, r#type, unit, help, about, labels: L::LABELS }, types: PhantomData }
}

const fn counter<L: LabelSet>(texts: Texts) -> Counter<L> {
    declare(Type::Counter, texts)
}

const fn seconds_counter<L: LabelSet>(texts: Texts) -> SecondsCounter<L> {
    declare(Type::Counter, texts)
}

const fn gauge<L: LabelSet>(texts: Texts) -> Gauge<L> {
    declare(Type::Gauge, texts)
}

const fn histogram<L: LabelSet>(buckets: &'static [f64], texts: Texts) -> Histogram<L> {
    declare(Type::Histogram(buckets), texts)
}

/// Metrics that belong together.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// Heading.
    pub title: &'static str,
    /// What they have in common.
    pub about: &'static str,
    /// The metrics.
    pub metrics: &'static [Metric],
}

/// The table.
pub const SECTIONS: [Section; 6] = [
    image_pulls::SECTION,
    registry_traffic::SECTION,
    served::SECTION,
    cri::SECTION,
    work::SECTION,
    itself::SECTION,
];

/// Every metric, in the table's order.
pub fn all() -> impl Iterator<Item = &'static Metric> {
    const TABLE: &[Section] = &SECTIONS;
    TABLE.iter().flat_map(|section| section.metrics)
}

/// The metric of that name, with or without [`PREFIX`].
pub fn find(name: &str) -> Option<&'static Metric> {
    let bare = name.strip_prefix(PREFIX).unwrap_or(name);
    all().find(|metric| metric.name == bare)
}
