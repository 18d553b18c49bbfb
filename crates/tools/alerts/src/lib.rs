//! Attacks and anomalies, found in the events of all nodes.
//!
//! A detector ([`Detector`]) is an observer of the model, in one file of `detectors/FAMILY/`, and a row of the table. It reports
//! ([`Report`]) that something is so, in relation to its threshold; the book makes alerts of that: when they open and end, what is the
//! same thing at several nodes, which alerts have one cause. The [`Engine`] does all of it without I/O, by the time of the events, so
//! that a replay finds what was found live.

mod blind;
mod book;
pub mod catalogue;
mod clock;
mod compare;
mod counting;
mod detector;
mod detectors;
mod engine;
mod facts;
mod finding;
mod fleet;
mod node;
mod noted;
pub mod receivers;
mod repeated;
mod report;
mod settings;
mod sink;
mod statistics;
mod subject;

pub use crate::blind::blind;
pub use crate::book::{Brief, MAX_SUBJECTS};
pub use crate::detector::{Detector, Me, Parameter, Row, Timing};
pub use crate::detectors::{Details, rows};
pub use crate::engine::{Engine, NearestOf};
pub use crate::facts::Facts;
pub use crate::finding::{Evidence, Finding, Report};
pub use crate::report::{Form, Print};
pub use crate::settings::{COMMON, Settings, Value, Values};
pub use crate::sink::{Nearest, STAYS, Sink};
pub use crate::subject::Subject;
