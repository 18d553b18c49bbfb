//! What receivers know, in the database: so that a restart sends nothing twice, and forgets nothing that waits.

use std::sync::Arc;

use alert_state::Store;
use event::pb::alerts::{Alert, State};
use prost::Message;
use rusqlite::params;
use store::sqlite::DatabaseError;

/// What a receiver knows of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Knows {
    /// It waits to be informed.
    NotYet,
    /// That it is open.
    Open,
    /// All that there will be.
    All,
}

/// What one receiver knows.
#[derive(Clone, Debug)]
pub(super) struct Ledger {
    store: Store,
    receiver: Arc<str>,
}

impl Ledger {
    pub fn new(store: &Store, receiver: &str) -> Self {
        Self { store: store.clone(), receiver: receiver.into() }
    }

    /// Forgets what receivers know that there are no more. Blocks.
    pub fn keep(store: &Store, receivers: &[&str]) -> Result<(), DatabaseError> {
        store.with(|connection| {
            let mut statement = connection.prepare("SELECT DISTINCT receiver FROM delivery")?;
            let found =
                statement.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
            let gone = found.iter().filter(|name| !receivers.contains(&name.as_str()));
            for name in gone {
                connection.execute("DELETE FROM delivery WHERE receiver = ?1", params![name])?;
            }
            Ok(())
        })
    }

    /// Alerts that are open, or that the receiver has not been informed of to the end, oldest first; and whether it knows that they are open.
    /// Blocks.
    pub fn left(&self) -> Result<Vec<(Alert, bool)>, DatabaseError> {
        let rows = self.store.with(|connection| {
            let mut statement = connection.prepare(
                "SELECT alert.alert, COALESCE(known, 0) FROM alert \
                 LEFT JOIN delivery ON delivery.alert = alert.id AND receiver = ?1 \
                 WHERE state = ?2 OR receiver IS NOT NULL ORDER BY since_ns, id",
            )?;
            let parameters = params![&*self.receiver, State::Open.as_str_name()];
            let rows = statement.query_map(parameters, |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get(1)?)))?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        Ok(rows.into_iter().filter_map(|(bytes, known)| Some((Alert::decode(&*bytes).ok()?, known))).collect())
    }

    /// Notes what the receiver knows of alerts, by their ids. Blocks.
    pub fn note(&self, notes: &[(String, Knows)]) -> Result<(), DatabaseError> {
        self.store.with(|connection| {
            let transaction = connection.transaction()?;
            for (id, knows) in notes {
                let place = params![&*self.receiver, id];
                let sql = match knows {
                    Knows::NotYet => "INSERT OR IGNORE INTO delivery VALUES (?1, ?2, 0)",
                    Knows::Open => "INSERT OR REPLACE INTO delivery VALUES (?1, ?2, 1)",
                    Knows::All => "DELETE FROM delivery WHERE receiver = ?1 AND alert = ?2",
                };
                transaction.prepare_cached(sql)?.execute(place)?;
            }
            transaction.commit()
        })
    }
}

/// The key of the pseudonyms, which is made if there is none. Blocks.
pub(super) fn pseudonym_key(store: &Store, make: impl FnOnce() -> [u8; 32]) -> Result<[u8; 32], DatabaseError> {
    store.with(|connection| {
        let mut statement = connection.prepare("SELECT key FROM pseudonym_key")?;
        let found = statement.query_map([], |row| row.get::<_, [u8; 32]>(0))?.next().transpose()?;
        drop(statement);
        match found {
            Some(key) => Ok(key),
            None => {
                let key = make();
                connection.execute("INSERT INTO pseudonym_key VALUES (?1)", params![key])?;
                Ok(key)
            }
        }
    })
}
