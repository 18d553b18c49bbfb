//! The table of all families of series. Each is declared once, with name, type, labels and meaning: the manual and the descriptions in dashboards
//! are made from this table, and the alert rules are tested against it.

mod chain;
mod connectivity;
mod health;
mod log;
mod own;
mod p2p;
mod rpc;
mod state;
mod traffic;

use std::fmt;

/// The handles of all families, as constants.
pub mod ids {
    pub use super::chain::ids::*;
    pub use super::connectivity::ids::*;
    pub use super::health::ids::*;
    pub use super::log::ids::*;
    pub use super::own::ids::*;
    pub use super::p2p::ids::*;
    pub use super::rpc::ids::*;
    pub use super::state::ids::*;
    pub use super::traffic::ids::*;
}

/// The handle of a family of series: its position in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(u16);

impl Id {
    pub(crate) const fn new(position: u16) -> Self {
        Self(position)
    }

    /// The position in the table.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// The type of a family, as Prometheus knows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Type {
    /// A count that only grows. It begins at 0 when the process starts.
    Counter,
    /// A value that goes up and down.
    Gauge,
    /// Counts of observations up to each of these bounds, and their sum. The last bucket, +Inf, is implied.
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

/// The declaration of a family: what all of its series have in common.
#[derive(Debug)]
pub struct Family {
    /// The name of the series. Those of a histogram add `_bucket`, `_sum` and `_count`.
    pub name: &'static str,
    /// The type.
    pub kind: Type,
    /// The names of the labels, without `node`.
    pub labels: &'static [&'static str],
    /// The positions of the untrusted labels, whose values peers or other programs choose: only the most frequent values are kept.
    pub untrusted: &'static [usize],
    /// The help: what the family counts or measures, with the unit.
    pub help: &'static str,
}

impl Family {
    /// Whether the family has the name, type and labels that the original peer-observer gave it.
    pub fn is_original(id: Id) -> bool {
        id.index() < connectivity::END as usize
    }

    /// The family of a handle.
    #[allow(clippy::indexing_slicing)] // handles are made by the table alone
    pub fn of(id: Id) -> &'static Self {
        TABLE[id.index()]
    }

    /// The handles of all families, in the order of the page.
    pub fn ids() -> impl Iterator<Item = Id> {
        (0..COUNT).map(|index| Id(index as u16))
    }
}

/// The number of families.
pub const COUNT: usize = health::END as usize;

/// All families: those of each file, one file after the other.
#[allow(clippy::indexing_slicing)] // at compile time
static TABLE: [&Family; COUNT] = {
    let files = [
        p2p::FAMILIES,
        rpc::FAMILIES,
        log::FAMILIES,
        connectivity::FAMILIES,
        traffic::FAMILIES,
        state::FAMILIES,
        own::FAMILIES,
        chain::FAMILIES,
        health::FAMILIES,
    ];
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

/// The position of a label in a list of labels. If it is not there, the program does not compile.
#[allow(clippy::indexing_slicing, clippy::panic)] // at compile time
const fn position(labels: &[&str], label: &str) -> usize {
    let mut index = 0;
    while index < labels.len() {
        if same(labels[index].as_bytes(), label.as_bytes()) {
            return index;
        }
        index += 1;
    }
    panic!("an untrusted label is none of the family's labels")
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

/// Declares families after those of another table: a handle in `ids` and a [`Family`] for each.
macro_rules! families {
    ($base:expr; $(
        $id:ident = $kind:ident $(($buckets:ident))? $name:literal [$($label:ident),*] $(untrusted [$($untrusted_label:ident),*])?
            $help:literal;
    )+) => {
        /// The handles of the families of this table.
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
                untrusted: &[$($($crate::table::position(LABELS, stringify!($untrusted_label))),*)?],
                help: $help,
            }
        }),+];
    };
    (@kind counter) => { $crate::table::Type::Counter };
    (@kind gauge) => { $crate::table::Type::Gauge };
    (@kind histogram $buckets:ident) => { $crate::table::Type::Histogram($buckets) };
}
use families;
