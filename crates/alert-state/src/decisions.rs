//! What people say of incidents: that they look after one, and what they found out.

use std::collections::BTreeMap;

use event::pb::alerts::Severity;
use rusqlite::{Row, params};
use smol_str::SmolStr;
use store::sqlite::{DatabaseError, signed};

use crate::{Error, Store};

pub(crate) const TABLES: &str = "
CREATE INDEX alert_incident ON alert (incident);
-- somebody looks after an incident
CREATE TABLE acknowledgement (
    incident TEXT PRIMARY KEY,
    -- the highest that it had then: 0 info, 1 warning, 2 critical
    severity INTEGER NOT NULL,
    -- who, why, and when, in nanoseconds since the UNIX epoch
    by TEXT NOT NULL,
    why TEXT NOT NULL,
    time_ns INTEGER NOT NULL
) WITHOUT ROWID;
-- nothing is sent of alerts for which all of the first four are so that are not NULL
CREATE TABLE silence (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    detector TEXT,
    subject TEXT,
    node TEXT,
    incident TEXT,
    by TEXT NOT NULL,
    why TEXT NOT NULL,
    time_ns INTEGER NOT NULL,
    until_ns INTEGER NOT NULL
);
CREATE INDEX silence_until ON silence (until_ns);
-- what somebody found out
CREATE TABLE note (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    incident TEXT NOT NULL,
    by TEXT NOT NULL,
    text TEXT NOT NULL,
    time_ns INTEGER NOT NULL
);
CREATE INDEX note_incident ON note (incident);
-- what looks for alerts
CREATE TABLE watching (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    detectors INTEGER NOT NULL,
    since_ns INTEGER NOT NULL,
    last_ns INTEGER NOT NULL
);
";

/// Bytes of the name of a person at most.
pub const MAX_NAME: usize = 64;
/// Bytes of a note or a reason at most.
pub const MAX_TEXT: usize = 4_000;
/// Notes of an incident at most.
pub const MAX_NOTES: u32 = 200;

/// Who decides, why, and when. The texts are untrusted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// The name that the person gave; empty if none.
    pub by: SmolStr,
    /// The reason; empty if none was given.
    pub why: SmolStr,
    /// Nanoseconds since the UNIX epoch.
    pub time_ns: u64,
}

impl Decision {
    /// Checks that nothing is too long.
    pub(crate) fn check(&self) -> Result<(), Error> {
        within("the name", &self.by, 0, MAX_NAME)?;
        within("the reason", &self.why, 0, MAX_TEXT)
    }

    /// As columns `by, why, time_ns`.
    pub(crate) fn read(row: &Row, first: usize) -> rusqlite::Result<Self> {
        let text = |index| row.get::<_, String>(index).map(SmolStr::from);
        Ok(Self { by: text(first)?, why: text(first + 1)?, time_ns: unsigned(row, first + 2)? })
    }
}

/// Somebody looks after an incident: what is open of it is sent no more, unless it is more severe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledgement {
    /// The highest severity that an alert of the incident had then.
    pub severity: Severity,
    /// Who, why, and when.
    pub decision: Decision,
}

/// What somebody found out about an incident. The texts are untrusted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Note {
    /// The name that the person gave; empty if none.
    pub by: SmolStr,
    /// What they found out.
    pub text: SmolStr,
    /// Nanoseconds since the UNIX epoch.
    pub time_ns: u64,
}

impl Store {
    /// Notes that somebody looks after an incident. `incident` is its id, or that of one of its alerts, or a beginning
    /// of these.
    ///
    /// # Errors
    /// There is no such incident, a text is too long, or the database cannot be written.
    pub fn acknowledge(&self, incident: &str, decision: &Decision) -> Result<(), Error> {
        decision.check()?;
        let incident = self.incident(incident)?;
        let Decision { by, why, time_ns } = decision;
        let severity = incident.severity() as i32;
        let parameters = params![&*incident.id, severity, &**by, &**why, signed(*time_ns)];
        let sql = "INSERT OR REPLACE INTO acknowledgement VALUES (?1, ?2, ?3, ?4, ?5)";
        self.with(|connection| connection.execute(sql, parameters))?;
        Ok(())
    }

    /// Nobody looks after an incident any more.
    ///
    /// # Errors
    /// There is no such incident, or the database cannot be written.
    pub fn unacknowledge(&self, incident: &str) -> Result<(), Error> {
        let id = self.incident(incident)?.id;
        self.with(|connection| connection.execute("DELETE FROM acknowledgement WHERE incident = ?1", params![&*id]))?;
        Ok(())
    }

    /// Adds a note to an incident.
    ///
    /// # Errors
    /// There is no such incident, it has too many notes, a text is empty or too long, or the database cannot be
    /// written.
    pub fn add_note(&self, incident: &str, note: &Note) -> Result<(), Error> {
        let Note { by, text, time_ns } = note;
        within("the name", by, 0, MAX_NAME)?;
        within("the note", text, 1, MAX_TEXT)?;
        let id = self.incident(incident)?.id;
        let added = self.with(|connection| {
            let sql = "INSERT INTO note (incident, by, text, time_ns) SELECT ?1, ?2, ?3, ?4 \
                       WHERE (SELECT count(*) FROM note WHERE incident = ?1) < ?5";
            connection.execute(sql, params![&*id, &**by, &**text, signed(*time_ns), MAX_NOTES])
        })?;
        let remedy = "write further ones elsewhere";
        if added == 0 { Err(Error::Full { what: "notes of this incident", most: MAX_NOTES, remedy }) } else { Ok(()) }
    }

    /// Who looks after which incident, by the ids of these.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn acknowledgements(&self) -> Result<BTreeMap<SmolStr, Acknowledgement>, DatabaseError> {
        self.with(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT severity, by, why, time_ns, incident FROM acknowledgement")?;
            let rows = statement.query_map([], |row| {
                let incident = SmolStr::from(row.get::<_, String>(4)?);
                Ok((incident, Acknowledgement { severity: severity(row.get(0)?), decision: Decision::read(row, 1)? }))
            })?;
            rows.collect()
        })
    }

    /// How many notes there are of each incident, by the ids of these.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn note_counts(&self) -> Result<BTreeMap<SmolStr, u64>, DatabaseError> {
        self.with(|connection| {
            let mut statement = connection.prepare_cached("SELECT incident, count(*) FROM note GROUP BY incident")?;
            let rows =
                statement.query_map([], |row| Ok((SmolStr::from(row.get::<_, String>(0)?), unsigned(row, 1)?)))?;
            rows.collect()
        })
    }

    /// Who looks after an incident.
    pub(crate) fn acknowledgement(&self, incident: &str) -> Result<Option<Acknowledgement>, DatabaseError> {
        self.with(|connection| {
            let sql = "SELECT severity, by, why, time_ns FROM acknowledgement WHERE incident = ?1";
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query_map(params![incident], |row| {
                Ok(Acknowledgement { severity: severity(row.get(0)?), decision: Decision::read(row, 1)? })
            })?;
            rows.next().transpose()
        })
    }

    /// The notes of an incident, by its whole id, oldest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn notes(&self, incident: &str) -> Result<Vec<Note>, DatabaseError> {
        self.with(|connection| {
            let sql = "SELECT by, text, time_ns FROM note WHERE incident = ?1 ORDER BY id";
            let mut statement = connection.prepare_cached(sql)?;
            let notes = statement.query_map(params![incident], |row| {
                let Decision { by, why, time_ns } = Decision::read(row, 0)?;
                Ok(Note { by, text: why, time_ns })
            })?;
            notes.collect()
        })
    }
}

/// The severity of a number in the database: the lowest for one that there is not, so that nothing is kept back by it.
pub(crate) fn severity(number: i32) -> Severity {
    Severity::try_from(number).unwrap_or_default()
}

/// A time of a column.
pub(crate) fn unsigned(row: &Row, index: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(index).map(|number| u64::try_from(number).unwrap_or_default())
}

pub(crate) fn within(what: &'static str, text: &str, least: usize, most: usize) -> Result<(), Error> {
    let is_right = (least..=most).contains(&text.trim().len()) && text.len() <= most;
    if is_right { Ok(()) } else { Err(Error::Text { what, most }) }
}
