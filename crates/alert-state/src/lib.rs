//! What is kept of alerts, and what people decided about them: a database that tools share, in one process or several.
//!
//! The tool `alerts` writes the alerts, and asks before it sends any; people acknowledge, silence and note, on the page
//! or by command; the page and reports read all of it by incident.

mod alerts;
mod baselines;
mod decisions;
mod error;
mod incidents;
mod silences;
mod watching;

use std::path::Path;

use ::store::sqlite::{Database, Purpose};
use rusqlite::Connection;

pub use ::store::sqlite::DatabaseError;

pub use crate::alerts::MAX_RESOLVED;
pub use crate::baselines::{Baseline, MAX_BASELINES};
pub use crate::decisions::{Acknowledgement, Decision, MAX_NAME, MAX_NOTES, MAX_TEXT, Note};
pub use crate::error::Error;
pub use crate::incidents::Incident;
pub use crate::silences::{Decisions, MAX_SILENCES, Matcher, Quiet, Silence};
pub use crate::watching::Watching;

/// The steps that lead to the layout of today: a new one is added at the end, and none that was released is changed.
const STEPS: &[&str] = &[alerts::TABLES, RECEIVERS, decisions::TABLES, baselines::TABLES];

const RECEIVERS: &str = "
-- what a receiver has not been informed of to the end
CREATE TABLE delivery (
    receiver TEXT NOT NULL,
    alert TEXT NOT NULL,
    -- 1: it knows that the alert is open, 0: it waits to be informed
    known INTEGER NOT NULL,
    PRIMARY KEY (receiver, alert)
) WITHOUT ROWID;
-- the key of the pseudonyms in what public receivers get, so that they stay the same
CREATE TABLE pseudonym_key (key BLOB NOT NULL);
";

const PURPOSE: Purpose = Purpose { steps: STEPS, option: "--alerts-database" };

/// The database. Cloning it gives another handle. What it does blocks.
#[derive(Clone, Debug)]
pub struct Store(Database);

impl Store {
    /// Opens a database, and makes it if there is none.
    ///
    /// # Errors
    /// It cannot be used.
    pub fn open(path: &Path) -> Result<Self, DatabaseError> {
        Database::open(path, PURPOSE).map(Self)
    }

    /// Makes one that is gone with its last handle.
    ///
    /// # Errors
    /// There is no memory for it.
    pub fn in_memory() -> Result<Self, DatabaseError> {
        Database::in_memory(PURPOSE).map(Self)
    }

    /// Its file; none if it is in memory.
    pub fn file(&self) -> Option<&Path> {
        self.0.file()
    }

    /// Whether anything can be written to it.
    pub fn is_writable(&self) -> bool {
        self.with(|connection| connection.is_readonly(rusqlite::MAIN_DB)).is_ok_and(|is_readonly| !is_readonly)
    }

    /// Does something with the database, whose layout is that of [`STEPS`].
    ///
    /// # Errors
    /// It cannot be read or written.
    pub fn with<T>(&self, does: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> Result<T, DatabaseError> {
        self.0.with(does)
    }
}
