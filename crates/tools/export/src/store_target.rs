//! Files that go to a store, once they are complete.

use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};

use store::remote::{Digest, Folder, ObjectUrl, RemoteError, State, wait};
use tempfile::TempDir;

use crate::ExportedPart;
use crate::error::ExportError;
use crate::part::is_former;

/// How often a file is put there that is something else afterwards.
const TRIES: usize = 3;

/// A place in a store, and a folder of this machine for files on their way.
#[derive(Debug)]
pub(crate) struct Store {
    remote: Folder,
    staging: TempDir,
}

impl Store {
    pub fn new(remote: Folder) -> Result<Self, ExportError> {
        let staging = tempfile::Builder::new().prefix("peer-observer-export-").tempdir();
        let staging = staging.map_err(ExportError::io("create a folder in", &std::env::temp_dir()))?;
        Ok(Self { remote, staging })
    }

    pub fn folder(&self) -> &Path {
        self.staging.path()
    }

    pub fn name(&self) -> String {
        self.remote.url().to_string()
    }

    /// Brings a file there, compares it, and removes it here.
    pub fn take(&self, part: &mut ExportedPart) -> Result<(), ExportError> {
        let local = part.path.clone();
        let below = local.strip_prefix(self.folder()).unwrap_or(&local).to_string_lossy();
        let (remote, url, path) = (self.remote.clone(), self.remote.at(&below)?, local.clone());
        let object = url.clone();
        let digest = Digest::of(&local).map_err(ExportError::io("read", &local))?;
        part.path = url.to_string().into();
        let is_there = self.wait(async move {
            for _ in 0..TRIES {
                remote.put(&url, &path, &digest, std::future::pending()).await?;
                if remote.verify(&url, &digest).await? == State::Same {
                    return Ok(true);
                }
            }
            Ok(false)
        })?;
        if !is_there {
            return Err(ExportError::Untrue(object));
        }
        fs::remove_file(&local).map_err(ExportError::io("remove", &local))
    }

    pub fn remove_former(
        &self,
        of_table: &str,
        name: &str,
        is_current: &impl Fn(&Path) -> bool,
    ) -> Result<(), ExportError> {
        let remote = self.remote.clone();
        let is_gone = |url: &ObjectUrl| is_former(url.file_name(), name) && !is_current(Path::new(&url.to_string()));
        let gone: Vec<_> = self.list(of_table)?.into_iter().filter(is_gone).collect();
        self.wait(async move {
            for url in gone {
                remote.remove(&url).await?;
            }
            Ok(())
        })
    }

    pub fn has_parts(&self, of_table: &str) -> Result<bool, ExportError> {
        Ok(self.list(of_table)?.iter().any(|url| url.file_name().ends_with(".parquet")))
    }

    pub fn write(&self, name: &str, content: &[u8]) -> Result<PathBuf, ExportError> {
        let (remote, url, content) = (self.remote.clone(), self.remote.at(name)?, content.to_vec());
        let path = url.to_string().into();
        self.wait(async move { remote.put_small(&url, content).await })?;
        Ok(path)
    }

    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, ExportError> {
        let (remote, url) = (self.remote.clone(), self.remote.at(name)?);
        Ok(self.wait(async move { remote.get_small(&url).await })?.map(Vec::from))
    }

    fn list(&self, of_table: &str) -> Result<Vec<ObjectUrl>, ExportError> {
        let (remote, url) = (self.remote.clone(), self.remote.at(of_table)?);
        self.wait(async move { remote.list(&url).await })
    }

    fn wait<T: Send + 'static>(
        &self,
        doing: impl Future<Output = Result<T, RemoteError>> + Send + 'static,
    ) -> Result<T, ExportError> {
        let done = wait(doing).map_err(ExportError::io("use", Path::new(&self.name())))?;
        Ok(done?)
    }
}
