//! Where files go: a folder, or a place in a store.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::ExportedPart;
use crate::error::ExportError;
use crate::part::{Complete, give_name, is_former, make_folder};
#[cfg(feature = "s3")]
use crate::store_target::Store;
use crate::table::Table;

/// Where files go.
#[derive(Debug)]
pub struct Target(Kind);

#[derive(Debug)]
enum Kind {
    Folder(PathBuf),
    #[cfg(feature = "s3")]
    Store(Store),
}

impl<P: Into<PathBuf>> From<P> for Target {
    /// A folder, which is made if it is not there.
    fn from(folder: P) -> Self {
        Self(Kind::Folder(folder.into()))
    }
}

impl Target {
    /// A place in a store. Files are complete on this machine before they go there.
    ///
    /// # Errors
    /// There is no place for files that are not complete.
    #[cfg(feature = "s3")]
    pub fn store(folder: store::remote::Folder) -> Result<Self, ExportError> {
        Store::new(folder).map(|store| Self(Kind::Store(store)))
    }

    /// It is on this machine.
    pub(crate) fn is_here(&self) -> bool {
        matches!(&self.0, Kind::Folder(_))
    }

    /// The folder in which files are made.
    pub(crate) fn folder(&self) -> &Path {
        match &self.0 {
            Kind::Folder(folder) => folder,
            #[cfg(feature = "s3")]
            Kind::Store(store) => store.folder(),
        }
    }

    /// Gives complete files their names, and brings them where they belong.
    pub(crate) fn publish(&self, complete: Vec<Complete>) -> Result<Vec<ExportedPart>, ExportError> {
        let mut parts = Vec::with_capacity(complete.len());
        for part in complete {
            let Complete { table, rows, bytes, .. } = part;
            let path = part.path.clone();
            part.publish()?;
            parts.push(ExportedPart { table: table.name, path, rows, bytes });
        }
        #[cfg(feature = "s3")]
        if let Kind::Store(store) = &self.0 {
            parts.iter_mut().try_for_each(|part| store.take(part))?;
        }
        Ok(parts)
    }

    /// Removes the parts of an archive, by their common name, that are not among these.
    pub(crate) fn remove_former(
        &self,
        tables: &[&'static Table],
        name: &str,
        current: &[ExportedPart],
    ) -> Result<(), ExportError> {
        let is_current = |path: &Path| current.iter().any(|part| part.path == path);
        for table in tables {
            let of_table = format!("table={}", table.name);
            match &self.0 {
                Kind::Folder(folder) => remove_former(&folder.join(of_table), name, &is_current)?,
                #[cfg(feature = "s3")]
                Kind::Store(store) => store.remove_former(&of_table, name, &is_current)?,
            }
        }
        Ok(())
    }

    /// Whether there are rows of a table.
    pub(crate) fn has_parts(&self, table: &Table) -> Result<bool, ExportError> {
        let of_table = format!("table={}", table.name);
        match &self.0 {
            Kind::Folder(folder) => Ok(has_parts(&folder.join(of_table))),
            #[cfg(feature = "s3")]
            Kind::Store(store) => store.has_parts(&of_table),
        }
    }

    /// Its whole name, as it can be used anywhere.
    pub(crate) fn whole_name(&self) -> Result<String, ExportError> {
        match &self.0 {
            Kind::Folder(folder) => {
                make_folder(folder)?;
                let whole = folder.canonicalize().map_err(ExportError::io("find", folder))?;
                Ok(whole.display().to_string())
            }
            #[cfg(feature = "s3")]
            Kind::Store(store) => Ok(store.name()),
        }
    }

    /// Writes a small file. Returns its whole name.
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> Result<PathBuf, ExportError> {
        let folder = match &self.0 {
            Kind::Folder(folder) => folder,
            #[cfg(feature = "s3")]
            Kind::Store(store) => return store.write(name, content),
        };
        let path = folder.join(name);
        make_folder(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(ExportError::io("create a file in", folder))?;
        file.write_all(content).map_err(ExportError::io("write", &path))?;
        file.as_file().sync_all().map_err(ExportError::io("write", &path))?;
        give_name(file.into_temp_path(), &path)?;
        Ok(path)
    }

    /// Reads a small file that was written so; none if it is not there.
    pub(crate) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, ExportError> {
        let folder = match &self.0 {
            Kind::Folder(folder) => folder,
            #[cfg(feature = "s3")]
            Kind::Store(store) => return store.read(name),
        };
        let path = folder.join(name);
        match fs::read(&path) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(ExportError::io("read", &path)(error)),
        }
    }
}

/// Removes the parts of an archive that were made before and are not current, and what exports that did not come to their end left behind.
fn remove_former(folder: &Path, name: &str, is_current: &impl Fn(&Path) -> bool) -> Result<(), ExportError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(ExportError::io("read", folder))?,
    };
    for entry in entries {
        let path = entry.map_err(ExportError::io("read", folder))?.path();
        if path.is_dir() {
            remove_former(&path, name, is_current)?;
            continue;
        }
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let rest = file.strip_prefix('.').and_then(|file| file.strip_prefix(name));
        let is_left = rest.is_some_and(|rest| rest.ends_with(".tmp"))
            && File::open(&path).is_ok_and(|file| file.try_lock().is_ok());
        if is_left || (is_former(&file, name) && !is_current(&path)) {
            fs::remove_file(&path).map_err(ExportError::io("remove", &path))?;
        }
    }
    Ok(())
}

fn has_parts(of_table: &Path) -> bool {
    let entries = |path: &Path| fs::read_dir(path).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let is_part = |path: PathBuf| path.extension().is_some_and(|extension| extension == "parquet");
    entries(of_table).any(|date| entries(&date).any(is_part))
}
