//! Every series there is, declared once: its name, type, labels and meaning. The manual, the dashboards and the rules are held against
//! this table.

mod health;
mod log;
mod p2p;
mod rpc;
mod state;
mod traffic;

use std::fmt;

/// Handles of all families, by the name of the series in capitals.
pub mod ids {
    pub use super::health::ids::*;
    pub use super::log::ids::*;
    pub use super::p2p::ids::*;
    pub use super::rpc::ids::*;
    pub use super::state::ids::*;
    pub use super::traffic::ids::*;
}

/// A family of series, by its position in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(u16);

impl Id {
    pub(crate) const fn new(position: u16) -> Self {
        Self(position)
    }

    /// Its position in the table.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// How the values of a family behave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Type {
    /// Only grows; begins at 0 with the process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts observations up to bounds, and sums them. The last bucket, +Inf, is implied.
    Histogram(&'static [f64]),
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        })
    }
}

/// What is the same for all series of a family.
#[derive(Debug)]
pub struct Family {
    /// The series' name; of histograms without `_bucket`, `_sum`, `_count`.
    pub name: &'static str,
    /// How its values behave.
    pub kind: Type,
    /// Names of its labels, besides `node`.
    pub labels: &'static [&'static str],
    /// Those of its labels whose values strangers choose, by position: only the most frequent values are kept.
    pub strangers: &'static [usize],
    /// What it counts or measures, with the unit.
    pub help: &'static str,
}

impl Family {
    /// Whether the original tool gave the series its name.
    pub fn is_original(id: Id) -> bool {
        id.index() < log::END as usize
    }

    /// The family of a handle.
    #[allow(clippy::indexing_slicing)] // handles are made by the table alone
    pub fn of(id: Id) -> &'static Self {
        TABLE[id.index()]
    }

    /// Handles of all families, in the order of the page.
    pub fn ids() -> impl Iterator<Item = Id> {
        (0..COUNT).map(|index| Id(index as u16))
    }
}

/// How many families there are.
pub const COUNT: usize = health::END as usize;

/// All families, those of each file after the other.
#[allow(clippy::indexing_slicing)] // at compile time
static TABLE: [&Family; COUNT] = {
    let files = [p2p::FAMILIES, rpc::FAMILIES, log::FAMILIES, traffic::FAMILIES, state::FAMILIES, health::FAMILIES];
    let mut table = [&p2p::FAMILIES[0]; COUNT];
    let (mut next, mut file, mut index) = (0, 0, 0);
    while file < files.len() {
        while index < files[file].len() {
            table[next] = &files[file][index];
            next += 1;
            index += 1;
        }
        file += 1;
        index = 0;
    }
    table
};

/// Position of a label in a list of labels; does not compile if it is not there.
#[allow(clippy::indexing_slicing, clippy::panic)] // at compile time
const fn position(labels: &[&str], label: &str) -> usize {
    let mut index = 0;
    while index < labels.len() {
        if same(labels[index].as_bytes(), label.as_bytes()) {
            return index;
        }
        index += 1;
    }
    panic!("a label that strangers choose is none of the family's labels")
}

#[allow(clippy::indexing_slicing)] // at compile time
const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut index = 0;
    while index < a.len() {
        if a[index] != b[index] {
            return false;
        }
        index += 1;
    }
    true
}

/// Declares families that follow those of another table: handles in `ids`, and [`Family`] for each.
macro_rules! families {
    ($base:expr; $(
        $id:ident = $kind:ident $(($buckets:ident))? $name:literal [$($label:ident),*] $(strangers [$($stranger:ident),*])?
            $help:literal;
    )+) => {
        /// Handles of the families of this table.
        pub mod ids {
            #[repr(u16)]
            #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
            enum Position { $($id,)+ }
            $(#[doc = $help] pub const $id: $crate::table::Id = $crate::table::Id::new(super::BASE + Position::$id as u16);)+
        }

        /// Position of the first family.
        const BASE: u16 = $base;
        /// Position after the last family.
        pub(super) const END: u16 = BASE + FAMILIES.len() as u16;

        pub(super) const FAMILIES: &[$crate::table::Family] = &[$({
            const LABELS: &[&str] = &[$(stringify!($label)),*];
            $crate::table::Family {
                name: $name,
                kind: families!(@kind $kind $($buckets)?),
                labels: LABELS,
                strangers: &[$($($crate::table::position(LABELS, stringify!($stranger))),*)?],
                help: $help,
            }
        }),+];
    };
    (@kind counter) => { $crate::table::Type::Counter };
    (@kind gauge) => { $crate::table::Type::Gauge };
    (@kind histogram $buckets:ident) => { $crate::table::Type::Histogram($buckets) };
}
use families;
