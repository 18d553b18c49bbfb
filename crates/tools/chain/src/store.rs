//! What outlives the process: activity, and stale blocks, which few nodes have, with what is known not to be had.
//!
//! Activity that is older than it is kept goes to an archive: a database for each month, which this program only adds to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::store::sqlite::{Database, DatabaseError, Purpose, signed};
use bytes::Bytes;
use event::time::rfc3339;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde_json::value::RawValue;

use crate::snapshot::{ActivityRow, Hash};
use crate::stale::Failure;

/// The option that chooses the place of the database.
const OPTION: &str = "--chain-database";
/// Blocks of a network that are kept at most, and failures.
const MAX_BLOCKS: i64 = 500;
/// The same in memory.
const MAX_BLOCKS_IN_MEMORY: i64 = 50;
/// Rows of activity of a network that are kept at most: a node that lies can make many within the time for which they are kept.
const MAX_ROWS: i64 = 1_000_000;
/// Rows that go to an archive at a time.
const ARCHIVED_AT_ONCE: i64 = 10_000;

const PURPOSE: Purpose = Purpose {
    steps: &["
        CREATE TABLE activity (
            id INTEGER NOT NULL,
            timestamp INTEGER NOT NULL,
            network INTEGER NOT NULL,
            node INTEGER NOT NULL,
            kind TEXT NOT NULL,
            details TEXT NOT NULL,
            PRIMARY KEY (network, id)
        ) WITHOUT ROWID;
        CREATE INDEX activity_by_time ON activity (network, timestamp);
        CREATE TABLE next_id (network INTEGER PRIMARY KEY, id INTEGER NOT NULL);
        CREATE TABLE block (
            network INTEGER NOT NULL,
            hash BLOB NOT NULL,
            added INTEGER NOT NULL,
            attempts INTEGER NOT NULL,
            reason TEXT NOT NULL,
            block BLOB,
            PRIMARY KEY (network, hash)
        );
    "],
    option: OPTION,
};

/// The table of an archive.
const ARCHIVE: &str = "
CREATE TABLE IF NOT EXISTS activity (
    id INTEGER NOT NULL,
    timestamp INTEGER NOT NULL,
    network INTEGER NOT NULL,
    node INTEGER NOT NULL,
    kind TEXT NOT NULL,
    details TEXT NOT NULL,
    PRIMARY KEY (network, id)
) WITHOUT ROWID";

/// What is known of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeptBlock {
    /// It is here.
    Block(Bytes),
    /// It could not be had.
    Failed(Failure),
}

/// The database. Cloning it gives another handle. All of its methods block.
#[derive(Clone, Debug)]
pub struct Store {
    database: Database,
    /// Where archives of activity are. None: old activity is removed.
    archives: Option<PathBuf>,
    max_blocks: i64,
}

/// Why something is not kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be used.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// An archive cannot be written.
    #[error("cannot write {}: {source}; old activity stays in the database until that is possible", path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What is wrong.
        source: rusqlite::Error,
    },
}

impl Store {
    /// Opens a database. Archives of activity go to a folder.
    ///
    /// # Errors
    /// It cannot be used.
    pub fn open(path: &Path, archives: Option<PathBuf>) -> Result<Self, DatabaseError> {
        Ok(Self { database: Database::open(path, PURPOSE)?, archives, max_blocks: MAX_BLOCKS })
    }

    /// One that is gone with the process.
    ///
    /// # Errors
    /// There is no memory for it.
    pub fn in_memory() -> Result<Self, DatabaseError> {
        Ok(Self { database: Database::in_memory(PURPOSE)?, archives: None, max_blocks: MAX_BLOCKS_IN_MEMORY })
    }

    /// The id of the next row of activity of a network: one that never was.
    pub fn next_id(&self, network: u32) -> Result<u64, DatabaseError> {
        self.database.with(|connection| {
            let id: Option<i64> = connection
                .query_row("SELECT id FROM next_id WHERE network = ?1", [network], |row| row.get(0))
                .optional()?;
            Ok(id.and_then(|id| u64::try_from(id).ok()).unwrap_or(1))
        })
    }

    /// Adds activity of a network. Of what is kept, the oldest goes when there is too much.
    pub fn append(&self, network: u32, rows: &[ActivityRow]) -> Result<(), DatabaseError> {
        let Some(last) = rows.iter().map(|row| row.id).max() else { return Ok(()) };
        self.database.with(|connection| {
            let transaction = connection.transaction()?;
            {
                let mut insert = transaction.prepare_cached(INSERT)?;
                for row in rows {
                    insert.execute(params![
                        signed(row.id),
                        signed(row.timestamp),
                        network,
                        row.node_id,
                        row.kind,
                        row.details.get()
                    ])?;
                }
            }
            let next = signed(last.saturating_add(1));
            transaction.execute(
                "INSERT INTO next_id (network, id) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET id = MAX(id, excluded.id)",
                params![network, next],
            )?;
            transaction.execute(
                "DELETE FROM activity WHERE network = ?1 AND id < ?2",
                params![network, next.saturating_sub(MAX_ROWS)],
            )?;
            transaction.commit()
        })
    }

    /// Activity of a network with ids below `before`, newest first.
    pub fn activity(&self, network: u32, before: u64, limit: usize) -> Result<Vec<ActivityRow>, DatabaseError> {
        self.database.with(|connection| {
            let mut query = connection.prepare_cached(
                "SELECT id, timestamp, node, kind, details FROM activity WHERE network = ?1 AND id < ?2 \
                 ORDER BY id DESC LIMIT ?3",
            )?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = query.query_map(params![network, signed(before), limit], activity_row)?;
            // One that another program has spoiled is passed over.
            rows.filter_map(Result::transpose).collect()
        })
    }

    /// Moves activity that happened before a time (in seconds since the UNIX epoch) to archives. Returns how many rows.
    ///
    /// # Errors
    /// The database or an archive cannot be written.
    pub fn retire(&self, network: u32, before: u64) -> Result<u64, StoreError> {
        let mut moved = 0;
        loop {
            let rows = self.database.with(|connection| {
                let mut query = connection.prepare_cached(
                    "SELECT id, timestamp, node, kind, details FROM activity WHERE network = ?1 AND timestamp < ?2 \
                     ORDER BY timestamp LIMIT ?3",
                )?;
                let rows = query.query_map(params![network, signed(before), ARCHIVED_AT_ONCE], |row| {
                    let old: (i64, i64, i64, String, String) =
                        (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?);
                    Ok(old)
                })?;
                rows.collect::<rusqlite::Result<Vec<_>>>()
            })?;
            if rows.is_empty() {
                return Ok(moved);
            }
            if let Some(directory) = &self.archives {
                let mut months: BTreeMap<String, Vec<&OldRow>> = BTreeMap::new();
                for row in &rows {
                    months.entry(month(row.1)).or_default().push(row);
                }
                for (month, rows) in months {
                    let path = directory.join(format!("activity-archive-{month}.sqlite"));
                    add_to_archive(&path, network, &rows).map_err(|source| StoreError::Archive { path, source })?;
                }
            }
            self.database.with(|connection| {
                let transaction = connection.transaction()?;
                {
                    let mut delete =
                        transaction.prepare_cached("DELETE FROM activity WHERE network = ?1 AND id = ?2")?;
                    for row in &rows {
                        delete.execute(params![network, row.0])?;
                    }
                }
                transaction.commit()
            })?;
            moved += u64::try_from(rows.len()).unwrap_or_default();
        }
    }

    /// What is known of a block of a network.
    pub fn block(&self, network: u32, hash: &Hash) -> Result<Option<KeptBlock>, DatabaseError> {
        self.database.with(|connection| {
            let query = "SELECT block, added, attempts, reason FROM block WHERE network = ?1 AND hash = ?2";
            let found = connection.query_row(query, params![network, hash], |row| {
                let block: Option<Vec<u8>> = row.get(0)?;
                let failure = Failure { at_s: row.get(1)?, attempts: row.get(2)?, reason: row.get(3)? };
                Ok(block.map_or(KeptBlock::Failed(failure), |block| KeptBlock::Block(block.into())))
            });
            found.optional()
        })
    }

    /// Keeps a block, or that it could not be had. Of those that are kept, the oldest go when there are too many.
    pub fn put_block(&self, network: u32, hash: &Hash, kept: &KeptBlock, now_s: i64) -> Result<(), DatabaseError> {
        let (block, failure) = match kept {
            KeptBlock::Block(block) => (Some(&**block), Failure { at_s: now_s, attempts: 0, reason: String::new() }),
            KeptBlock::Failed(failure) => (None, failure.clone()),
        };
        self.database.with(|connection| {
            let transaction = connection.transaction()?;
            transaction.execute(
                "INSERT OR REPLACE INTO block (network, hash, added, attempts, reason, block) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![network, hash, failure.at_s, failure.attempts, failure.reason, block],
            )?;
            transaction.execute(
                // Failures make no block go.
                "DELETE FROM block WHERE network = ?1 AND hash IN \
                 (SELECT hash FROM block WHERE network = ?1 AND (block IS NULL) = ?3 ORDER BY added DESC LIMIT -1 OFFSET ?2)",
                params![network, self.max_blocks, block.is_none()],
            )?;
            transaction.commit()
        })
    }
}

/// Id, time, node, kind and details.
type OldRow = (i64, i64, i64, String, String);

const INSERT: &str =
    "INSERT OR IGNORE INTO activity (id, timestamp, network, node, kind, details) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

fn activity_row(row: &Row<'_>) -> rusqlite::Result<Option<ActivityRow>> {
    let (id, timestamp, node_id): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let (kind, details): (String, String) = (row.get(3)?, row.get(4)?);
    let read = || {
        Some(ActivityRow {
            id: u64::try_from(id).ok()?,
            timestamp: u64::try_from(timestamp).ok()?,
            node_id: u32::try_from(node_id).ok()?,
            kind,
            details: Arc::from(RawValue::from_string(details).ok()?),
        })
    };
    Ok(read())
}

/// The month of a time: `2026-09`.
fn month(timestamp: i64) -> String {
    let ns = u64::try_from(timestamp).unwrap_or_default().saturating_mul(1_000_000_000);
    rfc3339(ns).get(..7).unwrap_or_default().to_owned()
}

/// Adds rows to an archive. Those that are there stay as they are.
fn add_to_archive(path: &Path, network: u32, rows: &[&OldRow]) -> rusqlite::Result<()> {
    let mut connection = Connection::open(path)?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(ARCHIVE)?;
    {
        let mut insert = transaction.prepare(INSERT)?;
        for (id, timestamp, node, kind, details) in rows {
            insert.execute(params![id, timestamp, network, node, kind, details])?;
        }
    }
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use serde_json::value::to_raw_value;

    use super::*;

    fn row(id: u64, timestamp: u64) -> ActivityRow {
        let details = to_raw_value(&serde_json::json!({ "height": id })).unwrap().into();
        ActivityRow { id, timestamp, node_id: 7, kind: "tip-added".to_owned(), details }
    }

    #[test]
    fn activity_is_kept_paged_and_goes_to_an_archive_of_its_month() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("chain.db");
        let store = Store::open(&path, Some(dir.path().to_owned())).unwrap();
        assert_eq!(store.next_id(1).unwrap(), 1);
        // 2026-08-31 and 2026-09-01.
        let rows: Vec<ActivityRow> =
            (1..=10).map(|id| row(id, 1_788_220_000 + if id > 4 { 10_000 } else { 0 })).collect();
        store.append(1, &rows).unwrap();
        store.append(2, &rows[..1]).unwrap();
        drop(store);
        let store = Store::open(&path, Some(dir.path().to_owned())).unwrap();
        assert_eq!((store.next_id(1).unwrap(), store.next_id(2).unwrap()), (11, 2));
        let ids = |before, limit| -> Vec<u64> {
            store.activity(1, before, limit).unwrap().iter().map(|row| row.id).collect()
        };
        assert_eq!(ids(u64::MAX, 3), [10, 9, 8]);
        assert_eq!(ids(8, 100), [7, 6, 5, 4, 3, 2, 1]);
        assert_eq!(store.retire(1, 1_788_230_000).unwrap(), 4);
        assert_eq!(store.retire(1, 1_788_231_000).unwrap(), 6);
        assert_eq!(ids(u64::MAX, 100), [0; 0]);
        assert_eq!(store.next_id(1).unwrap(), 11, "ids are not given again");
        assert_eq!(store.activity(2, u64::MAX, 9).unwrap().len(), 1, "another network's stay");
        for (month, expected) in [("2026-08", 4), ("2026-09", 6)] {
            let archive = Connection::open(dir.path().join(format!("activity-archive-{month}.sqlite"))).unwrap();
            let count: i64 = archive.query_row("SELECT COUNT(*) FROM activity", [], |row| row.get(0)).unwrap();
            assert_eq!(count, expected, "{month}");
        }
    }

    #[test]
    fn blocks_and_failures_are_remembered() {
        let store = Store::in_memory().unwrap();
        let hash = [3; 32];
        assert_eq!(store.block(1, &hash).unwrap(), None);
        let failed = KeptBlock::Failed(Failure { at_s: 100, attempts: 2, reason: "no node has it".to_owned() });
        store.put_block(1, &hash, &failed, 100).unwrap();
        assert_eq!(store.block(1, &hash).unwrap(), Some(failed));
        let block = KeptBlock::Block(Bytes::from_static(b"block"));
        store.put_block(1, &hash, &block, 200).unwrap();
        assert_eq!(store.block(1, &hash).unwrap(), Some(block.clone()));
        assert_eq!(store.block(2, &hash).unwrap(), None);
        let put = |kept: &KeptBlock, kind: u8| {
            for number in 0..MAX_BLOCKS_IN_MEMORY + 20 {
                let mut hash = [kind; 32];
                hash[..8].copy_from_slice(&number.to_le_bytes());
                store.put_block(1, &hash, kept, 1_000 + number).unwrap();
            }
        };
        let failed = KeptBlock::Failed(Failure { at_s: 5_000, attempts: 1, reason: String::new() });
        put(&failed, 1);
        assert_eq!(store.block(1, &hash).unwrap(), Some(block.clone()), "failures make no block go");
        put(&block, 0);
        assert_eq!(store.block(1, &hash).unwrap(), None, "the oldest are gone");
    }
}
