//! What a label is: a name, and the values it can have, known before the first is recorded.

use std::hash::Hash;

/// The values that a label can have. Every kind is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// These and no others.
    Closed(&'static [&'static str]),
    /// Names of the configured targets.
    Process,
    /// eTLD+1 of registries, `[IP_ADDRESS]`, `[UNKNOWN]`, and `[OTHER]` past `--max-registries`.
    Registry,
    /// Three digits, or `none`.
    Code,
    /// Names that stand in this build's code; the text says of what.
    Named(&'static str),
}

/// A label of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// Its values.
    pub values: Values,
}

/// A type whose values are those of one label, so that recording under a wrong label does not compile.
pub trait LabelValue: Clone + Eq + Hash + Send + 'static {
    /// The label.
    const LABEL: Label;

    /// This value's text.
    fn as_str(&self) -> &str;

    /// Whether this stands for a value that found no room.
    fn is_overflow(&self) -> bool {
        false
    }
}

/// The labels of a metric, in order: a tuple of [`LabelValue`]s.
pub trait LabelSet: Clone + Eq + Hash + Send + 'static {
    /// The labels.
    const LABELS: &'static [Label];

    /// Calls `f` with the values' texts.
    fn with_values<R>(&self, f: impl FnOnce(&[&str]) -> R) -> R;

    /// Whether one of the values stands for one that found no room.
    fn is_overflow(&self) -> bool;
}

/// Implements [`LabelSet`] for a tuple.
macro_rules! label_set {
    ($($type:ident $place:tt),*) => {
        impl<$($type: LabelValue),*> LabelSet for ($($type,)*) {
            const LABELS: &'static [Label] = &[$($type::LABEL),*];

            fn with_values<R>(&self, f: impl FnOnce(&[&str]) -> R) -> R {
                f(&[$(self.$place.as_str()),*])
            }

            fn is_overflow(&self) -> bool {
                false $(|| self.$place.is_overflow())*
            }
        }
    };
}
label_set!();
label_set!(A 0);
label_set!(A 0, B 1);
label_set!(A 0, B 1, C 2);
label_set!(A 0, B 1, C 2, D 3);
label_set!(A 0, B 1, C 2, D 3, E 4);
label_set!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
