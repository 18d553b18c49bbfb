//! Why something could not be decided, or not be found.

use event::quote::Plain;
use store::sqlite::DatabaseError;

/// Why something could not be decided, or not be found.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database cannot be read or written.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// There is no such incident.
    #[error("there is no incident whose id begins with {:?}", Plain(.0).to_string())]
    NoIncident(String),
    /// There are several.
    #[error("several incidents have ids that begin with {:?}: {}; write more", Plain(.0).to_string(), .1.join(", "))]
    Several(String, Vec<String>),
    /// There is no such silence.
    #[error("there is no silence {0} that has not ended")]
    NoSilence(i64),
    /// A text is too short or too long.
    #[error("{what}: write 1 to {most} bytes")]
    Text {
        /// What it is.
        what: &'static str,
        /// The most that it may have.
        most: usize,
    },
    /// There are too many already.
    #[error("there are {most} {what} already; {remedy}")]
    Full {
        /// What there are too many of.
        what: &'static str,
        /// How many there may be.
        most: u32,
        /// What to do.
        remedy: &'static str,
    },
    /// It would silence everything.
    #[error("a silence needs a detector, a subject, a node or an incident")]
    Everything,
    /// It would be over before it began.
    #[error("a silence ends after now, within a year")]
    Time,
}
