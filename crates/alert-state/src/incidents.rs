//! Incidents: alerts that have one cause, with what people decided and found out.

use event::pb::alerts::{Alert, Severity, State};
use prost::Message;
use rusqlite::{Connection, params};
use smol_str::SmolStr;
use store::sqlite::DatabaseError;

use crate::{Acknowledgement, Error, Note, Store};

/// Incidents that an error lists, or whose ids begin alike, at most.
const MAX_LISTED: usize = 5;

/// An incident: alerts that have one cause.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Incident {
    /// Its id: that of its first alert.
    pub id: SmolStr,
    /// Its alerts, of which there is one at least, oldest first.
    pub alerts: Vec<Alert>,
    /// Who looks after it.
    pub acknowledged: Option<Acknowledgement>,
    /// What people found out, oldest first.
    pub notes: Vec<Note>,
}

impl Incident {
    /// The highest severity of its alerts.
    pub fn severity(&self) -> Severity {
        self.alerts.iter().map(Alert::severity).max().unwrap_or_default()
    }

    /// Whether one of its alerts is open.
    pub fn is_open(&self) -> bool {
        self.alerts.iter().any(|alert| alert.state() == State::Open)
    }
}

impl Store {
    /// An incident, by its id, or that of one of its alerts, or a beginning of these.
    ///
    /// # Errors
    /// There is none, there are several, or the database cannot be read.
    pub fn incident(&self, beginning: &str) -> Result<Incident, Error> {
        let none = || Error::NoIncident(beginning.to_owned());
        // Ids are hexadecimal, so that the next text after all that begin alike ends in a letter that none has.
        if beginning.is_empty() || !beginning.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(none());
        }
        let first = beginning.to_ascii_lowercase();
        let last = format!("{first}g");
        let mut found: Vec<String> = self.with(|connection| {
            let sql = "SELECT incident FROM alert WHERE incident >= ?1 AND incident < ?2 \
                       UNION SELECT incident FROM alert WHERE id >= ?1 AND id < ?2 ORDER BY 1 LIMIT ?3";
            let mut statement = connection.prepare_cached(sql)?;
            let found = statement.query_map(params![first, last, MAX_LISTED as i64], |row| row.get(0))?;
            found.collect()
        })?;
        match (found.pop(), found.is_empty()) {
            (None, _) => Err(none()),
            (Some(id), true) => Ok(self.read(&id)?),
            (Some(id), false) => {
                found.push(id);
                Err(Error::Several(beginning.to_owned(), found))
            }
        }
    }

    /// Incidents, those with the latest alerts first: those that are open, or all of them.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn incidents(&self, only_open: bool, most: u32) -> Result<Vec<Incident>, DatabaseError> {
        let ids: Vec<String> = self.with(|connection| {
            let sql = "SELECT incident FROM alert GROUP BY incident HAVING NOT ?1 OR max(state = ?2) \
                       ORDER BY max(last_ns) DESC, incident LIMIT ?3";
            let mut statement = connection.prepare_cached(sql)?;
            let ids = statement.query_map(params![only_open, State::Open.as_str_name(), most], |row| row.get(0))?;
            ids.collect()
        })?;
        ids.iter().map(|id| self.read(id)).collect()
    }

    fn read(&self, id: &str) -> Result<Incident, DatabaseError> {
        Ok(Incident {
            id: id.into(),
            alerts: self.with(|connection| alerts_of(connection, id))?,
            acknowledged: self.acknowledgement(id)?,
            notes: self.notes(id)?,
        })
    }
}

fn alerts_of(connection: &Connection, incident: &str) -> rusqlite::Result<Vec<Alert>> {
    let mut statement =
        connection.prepare_cached("SELECT alert FROM alert WHERE incident = ?1 ORDER BY since_ns, id")?;
    let bytes = statement.query_map(params![incident], |row| row.get::<_, Vec<u8>>(0))?;
    let bytes = bytes.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(bytes.iter().filter_map(|bytes| Alert::decode(&**bytes).ok()).collect())
}
