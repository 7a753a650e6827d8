//! A declared metric in a registry, recorded under typed labels.
//!
//! The Prometheus crate keeps its series under strings and without limit. A [`Family`] keeps handles to them under typed
//! labels, which is cheaper to look up, and stops making new ones at [`MAX_SERIES`].

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use prometheus::core::Collector;
use prometheus::{HistogramOpts, Opts, Registry};

use super::label::{Label, LabelSet, LabelValue, Values};
use super::labels::{MetricName, Process};
use super::table::{Declared, Metric, Type};

/// Most series that one metric may have. A histogram's series takes about 1 KiB here and 20 lines in a scrape.
pub const MAX_SERIES: usize = 5000;

/// A kind of value of the Prometheus crate.
pub trait Instrument: Clone + Send {
    /// The crate's map from label values to series.
    type Vec: Collector + Clone + 'static;

    /// An empty map for a metric. Fails where the name or a label's name is not one that Prometheus takes.
    fn vec(metric: &Metric) -> prometheus::Result<Self::Vec>;

    /// The series under these values, made if need be. Fails where their number is wrong.
    fn series(vec: &Self::Vec, values: &[&str]) -> prometheus::Result<Self>;
}

fn names(metric: &Metric) -> Vec<&'static str> {
    metric.labels.iter().map(|label| label.name).collect()
}

macro_rules! instrument {
    ($instrument:ty, $vec:ty, $metric:ident => $opts:expr) => {
        impl Instrument for $instrument {
            type Vec = $vec;

            fn vec($metric: &Metric) -> prometheus::Result<Self::Vec> {
                <$vec>::new($opts, &names($metric))
            }

            fn series(vec: &Self::Vec, values: &[&str]) -> prometheus::Result<Self> {
                vec.get_metric_with_label_values(values)
            }
        }
    };
}
instrument!(prometheus::IntCounter, prometheus::IntCounterVec, metric => Opts::new(metric.full_name(), metric.help));
instrument!(prometheus::Counter, prometheus::CounterVec, metric => Opts::new(metric.full_name(), metric.help));
instrument!(prometheus::IntGauge, prometheus::IntGaugeVec, metric => Opts::new(metric.full_name(), metric.help));
instrument!(prometheus::Histogram, prometheus::HistogramVec, metric => {
    let buckets = if let Type::Histogram(buckets) = metric.r#type { buckets.to_vec() } else { Vec::new() };
    HistogramOpts::new(metric.full_name(), metric.help).buckets(buckets)
});

/// Where families are registered, and what they share.
pub struct Builder<'a> {
    registry: &'a Registry,
    dropped: prometheus::IntCounterVec,
}

impl<'a> Builder<'a> {
    /// Families made by this builder are in `registry`; what they drop counts in `dropped`, the family of
    /// `series_dropped_total`, which is registered here.
    pub fn new(
        registry: &'a Registry,
        dropped: &Declared<(MetricName,), prometheus::IntCounter>,
    ) -> prometheus::Result<Self> {
        let vec = prometheus::IntCounter::vec(&dropped.metric)?;
        registry.register(Box::new(vec.clone()))?;
        Ok(Self { registry, dropped: vec })
    }

    /// The series of `series_dropped_total`, for values that find no room before there is a label of them.
    pub fn dropped(&self) -> Family<(MetricName,), prometheus::IntCounter> {
        let metric = super::table::itself::SERIES_DROPPED.metric;
        Family { metric, vec: self.dropped.clone(), dropped: self.dropped.clone(), series: Mutex::default() }
    }

    /// A family for a declared metric. With `processes`, every label set that is known from the start exists at once.
    pub fn family<L: LabelSet, M: Instrument>(
        &self,
        declared: &Declared<L, M>,
        processes: &[Process],
    ) -> prometheus::Result<Family<L, M>> {
        let metric = declared.metric;
        let vec = M::vec(&metric)?;
        self.registry.register(Box::new(vec.clone()))?;
        if metric.is_known_from_the_start() {
            for values in product(metric.labels, processes) {
                M::series(&vec, &values)?;
            }
        }
        let dropped = self.dropped.clone();
        if metric.has_registry() {
            dropped.get_metric_with_label_values(&[metric.name])?;
        }
        Ok(Family { metric, vec, dropped, series: Mutex::default() })
    }
}

/// Every combination of the labels' values.
fn product<'a>(labels: &[Label], processes: &'a [Process]) -> Vec<Vec<&'a str>> {
    labels.iter().fold(vec![Vec::new()], |sets, label| {
        let values: Vec<&str> = match label.values {
            Values::Closed(values) => values.to_vec(),
            Values::Process => processes.iter().map(LabelValue::as_str).collect(),
            Values::Registry | Values::Code | Values::Named(_) => Vec::new(),
        };
        let with = |set: &Vec<&'a str>, value| set.iter().copied().chain([value]).collect();
        sets.iter().flat_map(|set| values.iter().map(move |value| with(set, *value))).collect()
    })
}

/// A metric that can be recorded, under labels `L`.
pub struct Family<L, M: Instrument> {
    metric: Metric,
    vec: M::Vec,
    dropped: prometheus::IntCounterVec,
    series: Mutex<HashMap<L, M>>,
}

impl<L: LabelSet, M: Instrument> Family<L, M> {
    /// Calls `record` with the series under these labels, or counts that there is no room for one more.
    fn with(&self, labels: &L, record: impl FnOnce(&M)) {
        if labels.is_overflow() {
            self.count_dropped();
        }
        let mut series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = series.get(labels) {
            return record(known);
        }
        let made = if series.len() < MAX_SERIES {
            labels.with_values(|values| M::series(&self.vec, values)).ok()
        } else {
            None
        };
        match made {
            Some(made) => {
                record(&made);
                series.insert(labels.clone(), made);
            }
            None => self.count_dropped(),
        }
    }

    /// Makes the series under these labels, if there is room for it.
    pub fn begin_with(&self, labels: &L) {
        let mut series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        if series.len() < MAX_SERIES
            && let Ok(made) = labels.with_values(|values| M::series(&self.vec, values))
        {
            series.insert(labels.clone(), made);
        }
    }

    fn count_dropped(&self) {
        self.dropped.with_label_values(&[self.metric.name]).inc();
    }
}

impl<L: LabelSet> Family<L, prometheus::IntCounter> {
    /// Adds to the counter.
    pub fn add(&self, labels: &L, count: u64) {
        self.with(labels, |counter| counter.inc_by(count));
    }

    /// Brings the counter up to a total that is counted elsewhere. A smaller total changes nothing.
    pub fn raise_to(&self, labels: &L, total: u64) {
        self.with(labels, |counter| counter.inc_by(total.saturating_sub(counter.get())));
    }
}

impl<L: LabelSet> Family<L, prometheus::Counter> {
    /// Brings the counter up to a total that is counted elsewhere, in seconds. A smaller total changes nothing.
    pub fn raise_to(&self, labels: &L, total: f64) {
        self.with(labels, |counter| counter.inc_by((total - counter.get()).max(0.0)));
    }
}

impl<L: LabelSet> Family<L, prometheus::IntGauge> {
    /// One more.
    pub fn up(&self, labels: &L) {
        self.with(labels, prometheus::IntGauge::inc);
    }

    /// One less. `false` where the gauge stood at 0, and stays there: the two sides do not match.
    #[must_use]
    pub fn down(&self, labels: &L) -> bool {
        let mut matched = true;
        self.with(labels, |gauge| if gauge.get() > 0 { gauge.dec() } else { matched = false });
        matched
    }

    /// Exactly that many.
    pub fn set(&self, labels: &L, value: i64) {
        self.with(labels, |gauge| gauge.set(value));
    }

    /// 1 under these labels, and no other series.
    pub fn only(&self, labels: &L) {
        self.series.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.vec.reset();
        self.set(labels, 1);
    }
}

impl<L: LabelSet> Family<L, prometheus::Histogram> {
    /// Observes a duration in seconds.
    pub fn observe(&self, labels: &L, seconds: f64) {
        self.with(labels, |histogram| histogram.observe(seconds));
    }
}
