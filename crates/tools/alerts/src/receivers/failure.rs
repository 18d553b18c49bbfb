//! Why something could not be sent.

use std::time::Duration;

/// Why something could not be sent.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    /// What happened.
    pub what: String,
    /// It is of no use to send the same again.
    pub is_final: bool,
    /// How long the receiver wants us to wait.
    pub wait: Option<Duration>,
}

impl Failure {
    /// It may go well another time.
    pub fn later(what: impl Into<String>) -> Self {
        Self { what: what.into(), is_final: false, wait: None }
    }

    /// The receiver does not take this.
    pub fn refused(what: impl Into<String>) -> Self {
        Self { is_final: true, ..Self::later(what) }
    }
}
