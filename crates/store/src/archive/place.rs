//! Where an archive lies: a file, or an object of a store.

use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::ArchiveError;
use super::name::FileName;

/// Bytes that can be read anywhere, such as those of a file.
pub trait ReadAt: fmt::Debug + Send + Sync {
    /// Fills a buffer with the bytes from this one on.
    ///
    /// # Errors
    /// They are not there, or cannot be read.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
}

impl ReadAt for File {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        FileExt::read_exact_at(self, buffer, offset)
    }
}

/// An object of a store.
pub trait Object: fmt::Debug + Send + Sync {
    /// Its size in bytes.
    fn size(&self) -> u64;

    /// A reader of it, with memory of its own. Nothing is read yet.
    fn reader(&self) -> Box<dyn ReadAt>;
}

/// Where an archive lies.
#[derive(Clone, Debug)]
pub struct Place {
    path: Arc<Path>,
    /// None of a file.
    object: Option<Arc<dyn Object>>,
}

impl Place {
    /// An object of this name, such as `s3://bucket/archive.20260910-120000-007.bin.zst`.
    pub fn object(name: &str, object: Arc<dyn Object>) -> Self {
        Self { path: Path::new(name).into(), object: Some(object) }
    }

    /// The path of the file, or the name of the object.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name of the archive, taken apart; none if it has no archive's name.
    pub fn file_name(&self) -> Option<FileName> {
        FileName::of(&self.path)
    }

    /// It has the name of something that zstd compressed.
    pub(crate) fn is_named_zstd(&self) -> bool {
        self.path.extension() == Some(OsStr::new("zst"))
    }

    /// Opens it. Returns its size, too.
    pub(crate) fn open(&self) -> Result<(Box<dyn ReadAt>, u64), ArchiveError> {
        if let Some(object) = &self.object {
            return Ok((object.reader(), object.size()));
        }
        let path = self.path();
        let file = File::open(path).map_err(ArchiveError::io("open", path))?;
        let metadata = file.metadata().map_err(ArchiveError::io("read", path))?;
        if !metadata.is_file() {
            let kind = if metadata.is_dir() { io::ErrorKind::IsADirectory } else { io::ErrorKind::NotSeekable };
            return Err(ArchiveError::io("read", path)(kind.into()));
        }
        Ok((Box::new(file), metadata.len()))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.path.display().fmt(f)
    }
}

impl<P: Into<PathBuf>> From<P> for Place {
    /// A file.
    fn from(path: P) -> Self {
        Self { path: path.into().into(), object: None }
    }
}
