//! What a tool keeps besides archives: an SQLite database, which survives the process, and which other programs can read.
//!
//! Its files are opened once and stay open, so that it works in a process that may open files no more.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rusqlite::{Connection, Transaction, TransactionBehavior};

/// What is written is not waited for, so that the last moments may be missing after a power failure. Readers are not
/// kept waiting either.
const SETTINGS: &str = "
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA temp_store = MEMORY;
PRAGMA cache_size = -2000;
";

/// How long another program may hold the database.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a database is for.
#[derive(Clone, Copy, Debug)]
pub struct Purpose {
    /// What makes each layout of the one before, in SQL. `PRAGMA user_version` is the number of steps that were taken.
    pub steps: &'static [&'static str],
    /// The option that chooses its place, such as `--alerts-database`.
    pub option: &'static str,
}

/// Why there is no database.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The directory of the database cannot be made.
    #[error("cannot make the directory of {}: {source}; choose another place with {option}", path.display())]
    Directory {
        /// The database.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
        /// The option that chooses its place.
        option: &'static str,
    },
    /// It cannot be opened, read or written.
    #[error("the database {}: {source}; choose another place with {option}", path.display())]
    Sqlite {
        /// The database.
        path: PathBuf,
        /// What is wrong.
        source: rusqlite::Error,
        /// The option that chooses its place.
        option: &'static str,
    },
    /// It is of a newer version of this program.
    #[error(
        "the database {} is of a newer version of this program (layout {found}, not {known}): move it away",
        path.display()
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its layout.
        found: i64,
        /// The newest layout that this program knows.
        known: i64,
    },
}

/// What `SQLite` calls a database that is in no file.
const MEMORY: &str = ":memory:";

/// A database. Cloning it gives another handle.
#[derive(Clone, Debug)]
pub struct Database {
    connection: Arc<Mutex<Connection>>,
    path: Arc<Path>,
    option: &'static str,
}

impl Database {
    /// Opens a database, makes it if there is none, and takes the steps that are missing. Blocks.
    ///
    /// # Errors
    /// It cannot be used.
    pub fn open(path: &Path, purpose: Purpose) -> Result<Self, DatabaseError> {
        let option = purpose.option;
        if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
            std::fs::create_dir_all(directory).map_err(|source| DatabaseError::Directory {
                path: path.to_owned(),
                source,
                option,
            })?;
        }
        Self::ready(Connection::open(path), path, purpose)
    }

    /// Makes a database that is gone with its last handle.
    ///
    /// # Errors
    /// There is no memory for it.
    pub fn in_memory(purpose: Purpose) -> Result<Self, DatabaseError> {
        Self::ready(Connection::open_in_memory(), Path::new(MEMORY), purpose)
    }

    /// Its file; none if it is in memory.
    pub fn file(&self) -> Option<&Path> {
        Some(&*self.path).filter(|path| *path != Path::new(MEMORY))
    }

    fn ready(opened: rusqlite::Result<Connection>, path: &Path, purpose: Purpose) -> Result<Self, DatabaseError> {
        let Purpose { steps, option } = purpose;
        let failed = |source| DatabaseError::Sqlite { path: path.to_owned(), source, option };
        let connection = opened.map_err(failed)?;
        let found = prepare(&connection, steps).map_err(failed)?;
        let known = layout(steps);
        if found > known {
            return Err(DatabaseError::Newer { path: path.to_owned(), found, known });
        }
        Ok(Self { connection: Arc::new(Mutex::new(connection)), path: path.into(), option })
    }

    /// Does something with the database. Blocks.
    ///
    /// # Errors
    /// The database cannot be read or written.
    pub fn with<T>(&self, does: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> Result<T, DatabaseError> {
        let failed = |source| DatabaseError::Sqlite { path: self.path.to_path_buf(), source, option: self.option };
        does(&mut self.connection.lock()).map_err(failed)
    }
}

/// A time, or another number without a sign, as databases hold it: the largest that fits in place of one that does not.
pub fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The layout that steps lead to.
fn layout(steps: &[&str]) -> i64 {
    i64::try_from(steps.len()).unwrap_or(i64::MAX)
}

/// Takes the steps that are missing. Returns the layout that it has then.
fn prepare(connection: &Connection, steps: &[&str]) -> rusqlite::Result<i64> {
    connection.busy_timeout(PATIENCE)?;
    connection.execute_batch(SETTINGS)?;
    let found = || connection.query_row("PRAGMA user_version", [], |row| row.get(0));
    if found()? < layout(steps) {
        // Another process may be about to take them, too.
        let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
        let missing = steps.get(usize::try_from(found()?).unwrap_or(0)..).unwrap_or_default();
        transaction.execute_batch(&missing.concat())?;
        transaction.pragma_update(None, "user_version", layout(steps))?;
        transaction.commit()?;
    }
    found()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: Purpose = Purpose { steps: &["CREATE TABLE one (a);"], option: "--place" };
    const NEW: Purpose = Purpose { steps: &["CREATE TABLE one (a);", "CREATE TABLE two (b);"], ..OLD };

    #[test]
    fn steps_are_taken_once_and_what_was_there_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/some.db");
        let insert = |sql| move |connection: &mut Connection| connection.execute(sql, []);
        Database::open(&path, OLD).unwrap().with(insert("INSERT INTO one VALUES (1)")).unwrap();
        for count in 1..3 {
            let database = Database::open(&path, NEW).unwrap();
            database.with(insert("INSERT INTO two VALUES (2)")).unwrap();
            let sql = "SELECT (SELECT count(*) FROM one), (SELECT count(*) FROM two)";
            let row = |row: &rusqlite::Row| Ok((row.get(0)?, row.get(1)?));
            let found: (i64, i64) = database.with(|connection| connection.query_row(sql, [], row)).unwrap();
            assert_eq!(found, (1, count));
        }
        let error = Database::open(&path, OLD).unwrap_err().to_string();
        assert!(error.contains("newer version") && error.contains("(layout 2, not 1)"), "{error}");
    }

    #[test]
    fn what_is_no_database() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("text");
        std::fs::write(&path, "this is some text that is no database at all").unwrap();
        for path in [path.clone(), path.join("below"), dir.path().to_owned()] {
            let error = Database::open(&path, OLD).unwrap_err().to_string();
            assert!(error.contains(&path.display().to_string()) && error.contains("--place"), "{error}");
        }
        let failed = Database::open(&dir.path().join("a.db"), OLD).unwrap().with(|db| db.execute("nonsense", []));
        let error = failed.unwrap_err().to_string();
        assert!(error.contains("a.db") && error.contains("--place"), "{error}");
    }
}
