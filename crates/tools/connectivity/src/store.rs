//! What came of attempts, for as long as an address is not tried again: an SQLite database, which survives the process
//! and others can read.

use std::path::Path;
use std::time::Duration;

use ::store::sqlite::{Database, DatabaseError, Purpose, signed};
use event::pb::connectivity::{Outcome, Version};
use event::time::nanoseconds;
use node::Chain;
use reach::Endpoint;
use rusqlite::{OptionalExtension, Row, params};

const PURPOSE: Purpose = Purpose { steps: &[TABLES], option: "--connectivity-database" };

const TABLES: &str = "
CREATE TABLE attempt (
    chain TEXT NOT NULL,
    network TEXT NOT NULL,
    host TEXT NOT NULL,
    port INTEGER NOT NULL,
    -- nanoseconds since the UNIX epoch
    tried_ns INTEGER NOT NULL,
    duration_ns INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT,
    -- of its version message, if it is a node
    version INTEGER,
    services INTEGER,
    user_agent TEXT,
    start_height INTEGER,
    relay INTEGER,
    nonce INTEGER,
    timestamp INTEGER,
    clock_offset INTEGER,
    sender_address TEXT,
    sender_port INTEGER,
    PRIMARY KEY (host, port, chain)
) WITHOUT ROWID;
CREATE INDEX attempt_tried ON attempt (tried_ns);
";

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Nanoseconds since the UNIX epoch.
    pub tried_ns: u64,
    /// From the first packet to the outcome.
    pub duration: Duration,
    /// What it is.
    pub outcome: Outcome,
    /// What the node says of itself.
    pub version: Option<Version>,
    /// For people: what went wrong.
    pub reason: Option<String>,
}

/// Which address, on which chain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// Whose network it was tried in.
    pub chain: Chain,
    /// Where it is.
    pub endpoint: Endpoint,
}

/// The database. Cloning it gives another handle.
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

    /// What came of the last attempt at an address, if that was after this time (nanoseconds since the UNIX epoch).
    /// Blocks.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn find(&self, place: &Place, after_ns: u64) -> Result<Option<Finding>, DatabaseError> {
        self.0.with(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT tried_ns, duration_ns, outcome, reason, version, services, user_agent, start_height, relay, \
                 nonce, timestamp, clock_offset, sender_address, sender_port FROM attempt \
                 WHERE host = ?1 AND port = ?2 AND chain = ?3 AND tried_ns > ?4",
            )?;
            let Place { chain, endpoint: Endpoint { host, port } } = place;
            let key = params![host.to_string(), port, chain.name(), signed(after_ns)];
            Ok(statement.query_row(key, finding).optional()?.flatten())
        })
    }

    /// Notes what came of an attempt, in place of the one before. Blocks.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn note(&self, place: &Place, finding: &Finding) -> Result<(), DatabaseError> {
        self.0.with(|connection| {
            let mut statement = connection.prepare_cached(
                "INSERT OR REPLACE INTO attempt VALUES \
                 (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
            )?;
            let Place { chain, endpoint: Endpoint { host, port } } = place;
            let network = host.network().map_or("", reach::Network::name);
            let Finding { tried_ns, duration, outcome, version, reason } = finding;
            let said = version.as_ref();
            statement.execute(params![
                chain.name(),
                network,
                host.to_string(),
                port,
                signed(*tried_ns),
                signed(nanoseconds(*duration)),
                outcome.as_str_name(),
                reason,
                said.map(|said| said.version),
                said.map(|said| said.services.cast_signed()),
                said.map(|said| &said.user_agent),
                said.map(|said| said.start_height),
                said.map(|said| said.relay),
                said.map(|said| said.nonce.cast_signed()),
                said.map(|said| said.timestamp),
                said.map(|said| said.clock_offset),
                said.and_then(|said| said.sender_address.as_ref()),
                said.and_then(|said| said.sender_port),
            ])?;
            Ok(())
        })
    }

    /// Forgets attempts from before this time (nanoseconds since the UNIX epoch), so many at most. Returns how many.
    /// Blocks.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn forget(&self, before_ns: u64, at_most: u32) -> Result<usize, DatabaseError> {
        let forget = "DELETE FROM attempt WHERE (host, port, chain) IN \
                      (SELECT host, port, chain FROM attempt WHERE tried_ns < ?1 ORDER BY tried_ns LIMIT ?2)";
        self.0.with(|connection| connection.execute(forget, params![signed(before_ns), at_most]))
    }
}

/// A row. None if its outcome is of a newer version of this program.
fn finding(row: &Row<'_>) -> rusqlite::Result<Option<Finding>> {
    let Some(outcome) = Outcome::from_str_name(&row.get::<_, String>("outcome")?) else { return Ok(None) };
    let version = row.get::<_, Option<u32>>("version")?.map(|version| said(row, version)).transpose()?;
    Ok(Some(Finding {
        tried_ns: row.get::<_, i64>("tried_ns")?.try_into().unwrap_or_default(),
        duration: Duration::from_nanos(row.get::<_, i64>("duration_ns")?.try_into().unwrap_or_default()),
        outcome,
        version,
        reason: row.get("reason")?,
    }))
}

fn said(row: &Row<'_>, version: u32) -> rusqlite::Result<Version> {
    Ok(Version {
        version,
        services: row.get::<_, i64>("services")?.cast_unsigned(),
        user_agent: row.get("user_agent")?,
        start_height: row.get("start_height")?,
        relay: row.get("relay")?,
        nonce: row.get::<_, i64>("nonce")?.cast_unsigned(),
        timestamp: row.get("timestamp")?,
        clock_offset: row.get("clock_offset")?,
        sender_address: row.get("sender_address")?,
        sender_port: row.get("sender_port")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str, chain: Chain) -> Place {
        Place { chain, endpoint: text.parse().unwrap() }
    }

    fn found(tried_ns: u64) -> Finding {
        let version = Version {
            version: 70_016,
            services: u64::MAX,
            user_agent: "/Satoshi:30.0.0/".to_owned(),
            start_height: -1,
            relay: true,
            nonce: u64::MAX - 1,
            timestamp: i64::MIN,
            clock_offset: -5,
            sender_address: Some("1.2.3.4".to_owned()),
            sender_port: Some(8333),
        };
        Finding {
            tried_ns,
            duration: Duration::from_millis(7),
            outcome: Outcome::V2,
            version: Some(version),
            reason: None,
        }
    }

    #[test]
    fn what_is_noted_is_found_after_it_is_opened_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/connectivity.db");
        let (main, test) = (place("1.2.3.4:8333", Chain::Main), place("1.2.3.4:8333", Chain::Test));
        let refused = Finding { outcome: Outcome::Refused, version: None, reason: Some("x".to_owned()), ..found(900) };
        {
            let store = Store::open(&path).unwrap();
            assert_eq!(store.find(&main, 0).unwrap(), None);
            store.note(&main, &found(100)).unwrap();
            store.note(&main, &found(1_000)).unwrap();
            store.note(&test, &refused).unwrap();
        }
        let store = Store::open(&path).unwrap();
        assert_eq!(store.find(&main, 999).unwrap(), Some(found(1_000)));
        assert_eq!(store.find(&main, 1_000).unwrap(), None, "its time has come");
        assert_eq!(store.find(&test, 0).unwrap(), Some(refused));
        assert_eq!(store.forget(1_000, 10).unwrap(), 1);
        assert_eq!(store.find(&test, 0).unwrap(), None);
        assert!(store.find(&main, 0).unwrap().is_some());
        store.0.with(|connection| connection.execute_batch("PRAGMA user_version = 2")).unwrap();
        let error = Store::open(&path).unwrap_err().to_string();
        assert!(error.contains("newer version"), "{error}");
    }

    #[test]
    fn what_is_no_database() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("text");
        std::fs::write(&path, "this is some text that is no database at all").unwrap();
        for path in [path.clone(), path.join("below"), dir.path().to_owned()] {
            let error = Store::open(&path).unwrap_err().to_string();
            assert!(
                error.contains(&path.display().to_string()) && error.contains("--connectivity-database"),
                "{error}"
            );
        }
    }
}
