//! The key of a recipient's pseudonyms: a file that nobody but its owner reads.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use thiserror::Error;

/// Random bytes of a new key.
const BYTES: usize = 32;
/// Characters of a key at least: fewer can be tried.
const MIN_LENGTH: usize = 16;
/// Bytes of the file that are read.
const MAX_LENGTH: u64 = 4_096;

/// A key cannot be used.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("cannot {doing} the key {}: {cause}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// Others may read the file.
    #[error("others than its owner may read the key {path}: chmod 600 {path}, and replace it if they may have done so", path = path.display())]
    Open {
        /// The file.
        path: PathBuf,
    },
    /// The key is too short.
    #[error("the key {} has fewer than {} characters, which can be guessed: write 32 random bytes there (openssl rand -hex 32)", path.display(), MIN_LENGTH)]
    Short {
        /// The file.
        path: PathBuf,
    },
    /// The system gives no randomness.
    #[error("the system gives no randomness for a key ({0})")]
    NoRandomness(#[from] getrandom::Error),
}

/// A key, of which nothing is ever shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Key(pub [u8; 32]);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("Key")
    }
}

impl Key {
    /// The key that a text stands for, whatever it is.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text).into())
    }
}

/// A file with a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFile(PathBuf);

/// What shows that a file is another one than before, or may be read by others than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp(u64, i64, i64);

impl KeyFile {
    /// The file at a place.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The key in it.
    ///
    /// # Errors
    /// It cannot be read, others may read it, or it is too short.
    pub fn read(&self) -> Result<Key, KeyError> {
        let path = || self.0.clone();
        let failed = |cause| KeyError::Io { doing: "read", path: path(), cause };
        let mut file = File::open(&self.0).map_err(failed)?;
        if file.metadata().map_err(failed)?.mode() & 0o077 != 0 {
            return Err(KeyError::Open { path: path() });
        }
        let mut text = String::new();
        Read::by_ref(&mut file).take(MAX_LENGTH).read_to_string(&mut text).map_err(failed)?;
        match text.trim() {
            key if key.len() < MIN_LENGTH => Err(KeyError::Short { path: path() }),
            key => Ok(Key::of(key)),
        }
    }

    /// The same; a new key if there is no file.
    ///
    /// # Errors
    /// As for [`Self::read`] and [`Self::rotate`].
    pub fn read_or_make(&self) -> Result<Key, KeyError> {
        if !self.0.exists() {
            self.rotate()?;
        }
        self.read()
    }

    /// Puts a new key in the place of the one that is there, if there is one, which is gone then.
    ///
    /// # Errors
    /// There is no randomness, or the file cannot be written.
    pub fn rotate(&self) -> Result<(), KeyError> {
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes)?;
        let failed = |cause| KeyError::Io { doing: "write", path: self.0.clone(), cause };
        self.write(&hex::encode(bytes)).map_err(failed)
    }

    fn write(&self, key: &str) -> io::Result<()> {
        if let Some(folder) = self.0.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::os::unix::fs::DirBuilderExt::mode(fs::DirBuilder::new().recursive(true), 0o700).create(folder)?;
        }
        let mut temporary = self.0.clone().into_os_string();
        temporary.push(".new");
        let temporary = PathBuf::from(temporary);
        // One that is left of before may have other permissions.
        let _ = fs::remove_file(&temporary);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        writeln!(file, "{key}")?;
        file.sync_all()?;
        fs::rename(&temporary, &self.0)
    }

    /// What shows that the file was replaced or changed, or who may read it; none if it cannot be looked at.
    pub(crate) fn stamp(&self) -> Option<Stamp> {
        let data = fs::metadata(&self.0).ok()?;
        Some(Stamp(data.ino(), data.ctime(), data.ctime_nsec()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn keys_are_for_their_owner_and_can_be_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let file = KeyFile::new(folder.path().join("keys/collective.key"));
        assert!(file.read().unwrap_err().to_string().contains("cannot read the key"));
        let first = file.read_or_make().unwrap();
        assert_eq!(file.read_or_make().unwrap(), first);
        assert_eq!(fs::metadata(file.path()).unwrap().mode() & 0o777, 0o600);
        let stamp = file.stamp();
        file.rotate().unwrap();
        assert_ne!(file.read().unwrap(), first);
        assert_ne!(file.stamp(), stamp);
        fs::write(file.path(), "0123456789abcdef\n").unwrap();
        assert_eq!(file.read().unwrap(), Key::of("0123456789abcdef"), "line ends are no part of it");
        fs::write(file.path(), "secret\n").unwrap();
        assert!(file.read().unwrap_err().to_string().contains("openssl rand"));
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o640)).unwrap();
        assert!(file.read().unwrap_err().to_string().contains("chmod 600"));
        assert_eq!(format!("{first:?}"), "Key");
    }
}
