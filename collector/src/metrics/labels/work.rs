//! Labels of what recipes count.

use std::sync::Arc;

use crate::metrics::label::{Label, LabelValue, Values};
use crate::model::fact::Completion;

/// Declares a label whose values come from recipes.
macro_rules! of_recipe {
    ($(#[$meta:meta])* $type:ident, $name:literal, $values:literal) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $type(pub Arc<str>);

        impl LabelValue for $type {
            const LABEL: Label = Label { name: $name, values: Values::Named($values) };

            fn as_str(&self) -> &str {
                &self.0
            }
        }
    };
}
of_recipe!(
    /// What a recipe calls an operation.
    OperationName, "operation", "what a recipe calls it"
);
of_recipe!(
    /// What kind of an operation it is.
    OperationKind, "kind",
    "what the recipe says or takes from a request, a command or a reply; all where it says nothing, [OTHER] for what it does \
     not list or has no room for, unknown where nothing could be taken"
);
of_recipe!(
    /// The queue that an item comes from.
    Queue, "queue",
    "what the recipe says or takes from a command or a reply; [OTHER] for what it does not list or has no room for, unknown \
     where nothing could be taken"
);

impl LabelValue for Completion {
    const LABEL: Label = Label { name: "status", values: Values::Closed(&["ok", "error", "unknown"]) };

    fn as_str(&self) -> &str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Unknown => "unknown",
        }
    }
}

impl Completion {
    /// Every way to end.
    pub(in crate::metrics) const ALL: [Self; 3] = [Self::Ok, Self::Error, Self::Unknown];
}

/// What the numbers of a queue rest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Basis {
    /// The end of each item is seen.
    Exact,
    /// Ends are taken for those of the oldest items.
    Estimate,
}

impl Basis {
    /// That of numbers of which it is known whether they are exact.
    pub fn of(exact: bool) -> Self {
        if exact { Self::Exact } else { Self::Estimate }
    }
}

impl LabelValue for Basis {
    const LABEL: Label = Label { name: "basis", values: Values::Closed(&["exact", "estimate"]) };

    fn as_str(&self) -> &str {
        match self {
            Self::Exact => "exact",
            Self::Estimate => "estimate",
        }
    }
}
