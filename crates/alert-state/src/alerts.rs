//! The alerts, as they were published last.

use event::pb::alerts::{Alert, State};
use prost::Message;
use rusqlite::params;
use smol_str::SmolStr;
use store::sqlite::{DatabaseError, signed};

use crate::Store;

pub(crate) const TABLES: &str = "
CREATE TABLE alert (
    id TEXT PRIMARY KEY,
    incident TEXT NOT NULL,
    detector TEXT NOT NULL,
    -- what tells the subject from others of the detector
    subject TEXT NOT NULL,
    -- 'OPEN' or 'RESOLVED'
    state TEXT NOT NULL,
    -- nanoseconds since the UNIX epoch
    since_ns INTEGER NOT NULL,
    last_ns INTEGER NOT NULL,
    -- all of it: alerts.Alert of the wire format
    alert BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX alert_state ON alert (state, last_ns);
";

/// Alerts that are kept after they were resolved; the oldest are forgotten.
pub const MAX_RESOLVED: u32 = 10_000;

impl Store {
    /// Alerts that are open, with the keys of their subjects, oldest first. One that cannot be read is left out.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn open_alerts(&self) -> Result<Vec<(SmolStr, Alert)>, DatabaseError> {
        let rows = self.with(|connection| {
            let mut statement =
                connection.prepare("SELECT subject, alert FROM alert WHERE state = ?1 ORDER BY since_ns, id")?;
            let rows = statement.query_map(params![State::Open.as_str_name()], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?))
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        let decoded = rows.into_iter().filter_map(|(key, bytes)| Some((key.into(), Alert::decode(&*bytes).ok()?)));
        Ok(decoded.collect())
    }

    /// Alerts as they are now: those that are open first, then those that were resolved, the latest first. One that
    /// cannot be read is left out.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn latest_alerts(&self, most: u32) -> Result<Vec<Alert>, DatabaseError> {
        let rows: Vec<Vec<u8>> = self.with(|connection| {
            let sql = "SELECT alert FROM alert ORDER BY state = ?1 DESC, last_ns DESC LIMIT ?2";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map(params![State::Open.as_str_name(), most], |row| row.get(0))?;
            rows.collect()
        })?;
        Ok(rows.iter().filter_map(|bytes| Alert::decode(&**bytes).ok()).collect())
    }

    /// Keeps alerts, each in place of its state before, with the key of its subject. Forgets the oldest ones that were
    /// resolved, and what people decided about incidents of which nothing is left.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn keep(&self, alerts: &[(SmolStr, Alert)]) -> Result<(), DatabaseError> {
        self.with(|connection| {
            let transaction = connection.transaction()?;
            {
                let mut statement = transaction
                    .prepare_cached("INSERT OR REPLACE INTO alert VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?;
                for (key, alert) in alerts {
                    statement.execute(params![
                        alert.id,
                        alert.incident,
                        alert.detector,
                        key.as_str(),
                        alert.state().as_str_name(),
                        signed(alert.since_ns),
                        signed(alert.last_ns),
                        alert.encode_to_vec(),
                    ])?;
                }
                let forgotten = transaction.execute(
                    "DELETE FROM alert WHERE id IN (SELECT id FROM alert WHERE state = ?1 ORDER BY last_ns DESC \
                     LIMIT -1 OFFSET ?2)",
                    params![State::Resolved.as_str_name(), MAX_RESOLVED],
                )?;
                if forgotten > 0 {
                    transaction.execute_batch(
                        "DELETE FROM acknowledgement WHERE incident NOT IN (SELECT incident FROM alert);\n\
                         DELETE FROM note WHERE incident NOT IN (SELECT incident FROM alert);",
                    )?;
                }
            }
            transaction.commit()
        })
    }
}
