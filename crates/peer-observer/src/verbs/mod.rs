//! What a person can ask for, one file each.

pub mod demo;
pub mod doctor;
pub mod extract;
pub mod metrics;
pub mod run;
pub mod watch;
pub mod web;
