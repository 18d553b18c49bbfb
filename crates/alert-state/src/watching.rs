//! What looks for alerts, so that others know whether that none is there means anything.

use rusqlite::params;
use store::sqlite::{DatabaseError, signed};

use crate::Store;
use crate::decisions::unsigned;

/// What looks for alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watching {
    /// How many detectors look.
    pub detectors: u64,
    /// Since when, and when they were last there: nanoseconds since the UNIX epoch.
    pub since_ns: u64,
    /// See `since_ns`.
    pub last_ns: u64,
}

impl Store {
    /// Notes that detectors look.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn watches(&self, watching: &Watching) -> Result<(), DatabaseError> {
        let Watching { detectors, since_ns, last_ns } = watching;
        let parameters = params![signed(*detectors), signed(*since_ns), signed(*last_ns)];
        let sql = "INSERT OR REPLACE INTO watching VALUES (1, ?1, ?2, ?3)";
        self.with(|connection| connection.execute(sql, parameters)).map(drop)
    }

    /// What looks, or looked last; none if nothing ever did.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn watching(&self) -> Result<Option<Watching>, DatabaseError> {
        self.with(|connection| {
            let mut statement = connection.prepare_cached("SELECT detectors, since_ns, last_ns FROM watching")?;
            let mut rows = statement.query_map([], |row| {
                Ok(Watching { detectors: unsigned(row, 0)?, since_ns: unsigned(row, 1)?, last_ns: unsigned(row, 2)? })
            })?;
            rows.next().transpose()
        })
    }
}
