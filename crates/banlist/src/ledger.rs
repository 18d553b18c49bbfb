//! Which bans we have set.

use std::fs::File;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use rusqlite::params;
use store::sqlite::{Database, DatabaseError, Purpose, signed};

use crate::Banned;

const TABLES: &str = "
-- bans that a node got from us, or is about to get: others are never lifted
CREATE TABLE ban (
    node TEXT NOT NULL,
    network TEXT NOT NULL,
    -- seconds since the UNIX epoch
    until_s INTEGER NOT NULL,
    PRIMARY KEY (node, network, until_s)
) WITHOUT ROWID;
";

const PURPOSE: Purpose = Purpose { steps: &[TABLES], option: "--banlist-database" };

/// A ban that we have set, or were about to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ours(pub Banned);

/// Which bans we have set: a database.
#[derive(Debug)]
pub struct Ledger {
    database: Database,
    /// Nobody else changes bans by this database meanwhile.
    _lock: Option<File>,
}

/// Why there is no ledger.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The database cannot be used.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Somebody else changes bans.
    #[error("another process is changing bans by {}: wait until it has ended", .0.display())]
    Busy(PathBuf),
    /// The file that is locked cannot be made.
    #[error("cannot lock {}: {source}; choose another place with --banlist-database", path.display())]
    Lock {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl Ledger {
    /// Opens the ledger to change bans: makes it if there is none, and keeps others from doing so meanwhile.
    ///
    /// # Errors
    /// It cannot be used, or somebody else does so.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        let database = Database::open(path, PURPOSE)?;
        // Not the database itself: closing it would drop SQLite's own locks.
        let lock_path = path.with_added_extension("lock");
        let failed = |source| LedgerError::Lock { path: lock_path.clone(), source };
        let lock = File::options().create(true).truncate(false).write(true).open(&lock_path).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { database, _lock: Some(lock) }),
            Err(std::fs::TryLockError::WouldBlock) => Err(LedgerError::Busy(path.to_owned())),
            Err(std::fs::TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// Opens the ledger to read it. One that is not there is empty, and is not made.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(path: &Path) -> Result<Self, LedgerError> {
        let database = if path.exists() { Database::open(path, PURPOSE)? } else { Database::in_memory(PURPOSE)? };
        Ok(Self { database, _lock: None })
    }

    /// The bans that a node has from us, as far as we know.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn of(&self, node: &str) -> Result<Vec<Ours>, DatabaseError> {
        self.database.with(|connection| {
            let mut statement = connection.prepare_cached("SELECT network, until_s FROM ban WHERE node = ?1")?;
            let rows =
                statement.query_map(params![node], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?;
            let mut ours = Vec::new();
            for row in rows {
                let (network, until) = row?;
                if let (Ok(network), Ok(until_s)) = (network.parse::<IpNet>(), u64::try_from(until)) {
                    ours.push(Ours(Banned { network, until_s }));
                }
            }
            Ok(ours)
        })
    }

    /// Notes that a node is about to get a ban. It is on the disk afterwards, as far as a crash of this process goes.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn note(&self, node: &str, Banned { network, until_s }: Banned) -> Result<(), DatabaseError> {
        self.database.with(|connection| {
            let sql = "INSERT OR IGNORE INTO ban VALUES (?1, ?2, ?3)";
            connection.prepare_cached(sql)?.execute(params![node, network.to_string(), signed(until_s)]).map(drop)
        })
    }

    /// Forgets what a node does not have any more.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn keep_only(&self, node: &str, there: &[Banned]) -> Result<(), DatabaseError> {
        let ours = self.of(node)?;
        self.database.with(|connection| {
            let transaction = connection.transaction()?;
            for Ours(ban) in ours.iter().filter(|Ours(ban)| !there.contains(ban)) {
                let sql = "DELETE FROM ban WHERE node = ?1 AND network = ?2 AND until_s = ?3";
                let until = signed(ban.until_s);
                transaction.prepare_cached(sql)?.execute(params![node, ban.network.to_string(), until])?;
            }
            transaction.commit()
        })
    }
}
