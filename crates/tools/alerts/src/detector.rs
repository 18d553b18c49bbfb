//! What a detector is: an observer of the model in one file, and its row of the table.

use event::pb::alerts::Severity;
use model::Observer;

use crate::detectors::Details;
use crate::settings::Values;
use crate::sink::Sink;

/// A detector's place in the table: what it reports by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Me(pub(crate) u16);

impl Me {
    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// The row of a detector. The catalogue (`docs/detectors.md`) is made from it.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its name, in events and in the configuration: `[alerts.NAME]`. It never changes.
    pub name: &'static str,
    /// The folder that it is in.
    pub family: &'static str,
    /// How soon a person should look.
    pub severity: Severity,
    /// What it finds, in a few words.
    pub title: &'static str,
    /// What it sees, in whole sentences: from which events, and by which rule.
    pub sees: &'static str,
    /// What it cannot see, and what it may take for an attack.
    pub misses: &'static str,
    /// When its alerts begin and end.
    pub timing: Timing,
    /// What can be set.
    pub parameters: &'static [Parameter],
    /// Detectors that may report the same cause: their alerts, about a subject that this one's is a part of or has as a part, are of
    /// one incident with this one's.
    pub related: &'static [&'static str],
}

/// When alerts begin and end, in seconds. Each can be set.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// How long it must be so before it is an alert.
    pub after: u32,
    /// After so long without a report it is over.
    pub hold: u32,
    /// So long after a start of the node, or of an extractor of it, nothing is reported.
    pub warm_up: u32,
}

/// Something of a detector that can be set.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name in the section of the detector.
    pub name: &'static str,
    /// What it is, as the field's documentation says it.
    pub what: &'static str,
    /// Its value unless another one is set.
    pub default: f64,
    /// The unit: "" for a plain number, "share" for one from 0 to 1.
    pub unit: &'static str,
    /// The least and the largest value.
    pub range: (f64, f64),
    /// Why the default is what it is, or where it comes from.
    pub why: &'static str,
}

/// A detector: an observer of the model that reports to the sink (see [`crate::Report`]). There is one for each node.
pub trait Detector: Observer<Sink, Details> {
    /// Its row.
    const ROW: Row;

    /// One that has seen nothing yet.
    fn new(me: Me, values: &Values) -> Self;
}

/// Declares the parameters of a detector: a structure with a field each, and the rows for the table.
///
/// ```text
/// parameters! {
///     /// Addresses that a peer may send too many.
///     rate_limited: 200.0, "addresses", 1.0..=1e9, "why it is 200";
/// }
/// ```
macro_rules! parameters {
    ($(#[doc = $what:literal] $name:ident: $default:expr, $unit:literal, $least:literal ..= $most:expr, $why:literal;)*) => {
        /// What can be set.
        #[derive(Clone, Copy, Debug)]
        struct Parameters {
            $(#[doc = $what] $name: f64,)*
        }

        impl Parameters {
            const ALL: &'static [$crate::detector::Parameter] = &[$($crate::detector::Parameter {
                name: stringify!($name),
                what: $what,
                default: $default,
                unit: $unit,
                range: ($least, $most),
                why: $why,
            },)*];

            fn of(values: &$crate::settings::Values) -> Self {
                $(let $name = values.get(stringify!($name));)*
                Self { $($name,)* }
            }
        }
    };
}

/// Makes a family of detectors: a structure that hands everything to each, and their rows.
macro_rules! detectors {
    ($(#[$meta:meta])* $name:ident { $($field:ident: $detector:ty,)* }) => {
        model::observers! {
            $(#[$meta])*
            pub(crate) struct $name: Observer<$crate::sink::Sink, $crate::detectors::Details> {
                $($field: $detector,)*
            }
        }

        impl $name {
            pub(crate) const ROWS: &'static [$crate::detector::Row] =
                &[$(<$detector as $crate::detector::Detector>::ROW,)*];

            /// The next detectors of the table.
            pub(crate) fn new(next: &mut $crate::settings::Next) -> Self {
                $(let $field = $crate::settings::Next::make::<$detector>(next);)*
                Self { $($field,)* }
            }
        }
    };
}
pub(crate) use {detectors, parameters};
