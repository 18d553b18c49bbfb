//! Reports of incidents: what happened, for people and for programs, from alerts and the archives around them.
//!
//! [`Report::new`] reads what archives have of an incident, once, in bounded memory, and only the parts that may have something of it.

mod gather;
mod hosts;
mod incidents;
mod plan;
mod scope;
mod series;

pub use crate::incidents::incidents;
