//! Repeated measurements in three numbers: the median and the quartiles around it.

use serde_json::{Value, json};

/// How measurements of the same thing lie.
#[derive(Clone, Copy)]
pub struct Spread {
    pub median: f64,
    pub first_quartile: f64,
    pub third_quartile: f64,
    pub samples: usize,
}

impl Spread {
    /// Of any number of measurements, at least one.
    #[track_caller]
    pub fn of(samples: &[f64]) -> Self {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        Self {
            median: quantile(&sorted, 2),
            first_quartile: quantile(&sorted, 1),
            third_quartile: quantile(&sorted, 3),
            samples: sorted.len(),
        }
    }

    pub fn json(&self) -> Value {
        json!({
            "median": self.median,
            "first_quartile": self.first_quartile,
            "third_quartile": self.third_quartile,
            "samples": self.samples,
        })
    }
}

/// So many quarters of the way through sorted values, interpolated between the two nearest.
#[track_caller]
fn quantile(sorted: &[f64], quarters: usize) -> f64 {
    let steps = sorted.len().checked_sub(1).expect("at least one measurement") * quarters;
    let (low, part) = (sorted[steps / 4], steps % 4);
    let high = sorted[steps.div_ceil(4)];
    let part = f64::from(u8::try_from(part).expect("less than four")) / 4.0;
    low + (high - low) * part
}
