//! Detectors of `alerts`, measured: labelled cases are played on real nodes and recorded, and detectors run on the recordings.

pub mod label;
pub mod measure;
pub mod record;
pub mod report;

pub use label::Label;
pub use measure::{Alarm, Outcome};
