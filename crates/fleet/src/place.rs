//! The folder where a fleet's files are: what would change there, and changing it.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use serde::Serialize;

use crate::FleetError;
use crate::diff::diff;
use crate::files::File;

/// The file with all keys and passwords, which stays with whoever runs the fleet.
pub(crate) const SECRETS: &str = "secrets.json";
/// The list of files that were written.
const WRITTEN: &str = "written.json";

/// A folder, with one below it for the hub and for each host.
#[derive(Clone, Debug)]
pub struct Place(PathBuf);

/// A file that is not as it would be written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Below the folder.
    pub path: PathBuf,
    /// What becomes of it.
    pub change: Changed,
    /// Lines as diff has them; none of new files, of keys and of certificates.
    pub lines: Vec<String>,
}

/// What becomes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Changed {
    /// It is not there yet.
    New,
    /// It has something else.
    Changed,
    /// Its host or node is no longer in the list.
    Removed,
}

impl Place {
    /// A folder, which need not be there.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into())
    }

    /// The file with its keys and passwords.
    pub fn secrets(&self) -> PathBuf {
        self.0.join(SECRETS)
    }

    /// What writing these files would change.
    ///
    /// # Errors
    /// A file that is there cannot be read.
    pub fn changes(&self, files: &[File]) -> Result<Vec<Change>, FleetError> {
        let mut changes = Vec::new();
        for File { path, text } in files {
            let is_secret = path.extension().is_some_and(|extension| extension == "key" || extension == "pem")
                || path.as_path() == Path::new(SECRETS);
            match self.read(path)? {
                None => changes.push(Change { path: path.clone(), change: Changed::New, lines: Vec::new() }),
                Some(old) if old == *text => {}
                Some(old) => {
                    let lines = if is_secret { Vec::new() } else { diff(&old, text) };
                    changes.push(Change { path: path.clone(), change: Changed::Changed, lines });
                }
            }
        }
        let kept: BTreeSet<&PathBuf> = files.iter().map(|file| &file.path).collect();
        for path in self.written()?.into_iter().filter(|path| !kept.contains(path)) {
            if self.read(&path)?.is_some() {
                changes.push(Change { path, change: Changed::Removed, lines: Vec::new() });
            }
        }
        Ok(changes)
    }

    /// Writes files, each as a whole and for its owner only, and removes those that were written before and are no longer among them.
    ///
    /// # Errors
    /// A file cannot be written or removed.
    pub fn write(&self, files: &[File]) -> Result<(), FleetError> {
        let removed: Vec<PathBuf> = self
            .changes(files)?
            .into_iter()
            .filter_map(|change| (change.change == Changed::Removed).then_some(change.path))
            .collect();
        self.folder(&self.0)?;
        for File { path, text } in files {
            let path = self.0.join(path);
            if let Some(folder) = path.parent() {
                self.folder(folder)?;
            }
            put(&path, text).map_err(|reason| FleetError::File { what: "write", path, reason })?;
        }
        for path in removed {
            let path = self.0.join(path);
            fs::remove_file(&path).map_err(|reason| FleetError::File { what: "remove", path: path.clone(), reason })?;
            // One that has something else stays.
            let _ = path.parent().map(fs::remove_dir);
        }
        let names: Vec<&PathBuf> = files.iter().map(|file| &file.path).collect();
        let list = serde_json::to_string_pretty(&names).unwrap_or_default() + "\n";
        let path = self.0.join(WRITTEN);
        put(&path, &list).map_err(|reason| FleetError::File { what: "write", path, reason })
    }

    /// Files that were written before. A list that somebody else changed names none outside the folder.
    fn written(&self) -> Result<Vec<PathBuf>, FleetError> {
        let Some(text) = self.read(Path::new(WRITTEN))? else { return Ok(Vec::new()) };
        let names: Vec<PathBuf> = serde_json::from_str(&text).unwrap_or_default();
        Ok(names
            .into_iter()
            .filter(|path| path.components().all(|part| matches!(part, Component::Normal(_))))
            .collect())
    }

    fn read(&self, path: &Path) -> Result<Option<String>, FleetError> {
        let path = self.0.join(path);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(reason) => Err(FleetError::File { what: "read", path, reason }),
        }
    }

    /// Makes a folder for its owner only.
    fn folder(&self, path: &Path) -> Result<(), FleetError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|reason| FleetError::File { what: "make", path: path.to_owned(), reason })
    }
}

/// Replaces a file as a whole; nobody else can read it at any time.
fn put(path: &Path, text: &str) -> io::Result<()> {
    if let Ok(there) = fs::read_to_string(path)
        && there == *text
    {
        return fs::set_permissions(path, fs::Permissions::from_mode(0o600));
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    match fs::remove_file(&new) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(new, path)
}
