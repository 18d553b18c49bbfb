//! Reading small files of others: bounded, never waiting on a pipe, and seen from where the node sees them.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The most that is read of a configuration file, settings.json, a command line or an environment.
pub(crate) const MAX_BYTES: u64 = 4 << 20;

/// Reads a regular file of at most `max` bytes. Text that is not UTF-8 gets replacement characters.
pub(crate) fn read_text(path: &Path, max: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    // Opening a pipe for reading would otherwise wait for a writer.
    let nonblock = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = File::options().read(true).custom_flags(nonblock).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    file.take(max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {max} bytes")));
    }
    Ok(String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()))
}

/// The process id in a file, as daemons write it; none if there is no such file, or none in it.
pub(crate) fn process_id(path: &Path) -> io::Result<Option<u32>> {
    match read_text(path, 64) {
        Ok(text) => Ok(text.trim().parse().ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a file contains a text, as a program contains the names of its options. At most 1 GiB of it is read.
pub(crate) fn contains(path: &Path, text: &str) -> io::Result<bool> {
    const CHUNK: usize = 1 << 20;
    let nonblock = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = File::options().read(true).custom_flags(nonblock).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut file = file.take(1 << 30);
    let finder = memchr::memmem::Finder::new(text);
    let mut buffer = Vec::with_capacity(CHUNK + text.len());
    loop {
        // What the text may have begun in stays.
        let kept = buffer.len().min(text.len().saturating_sub(1));
        buffer.drain(..buffer.len() - kept);
        if file.by_ref().take(CHUNK as u64).read_to_end(&mut buffer)? == 0 {
            return Ok(false);
        }
        if finder.find(&buffer).is_some() {
            return Ok(true);
        }
    }
}

/// What an I/O error means, in a few words and without the system's error number.
pub(crate) fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "it does not exist".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
        _ => error.to_string(),
    }
}

/// Device and inode of what `path` is, if it can be seen.
pub(crate) fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|m| (m.dev(), m.ino()))
}

/// Whether two paths are the same file or directory, by name or (through links and containers) by inode.
pub(crate) fn same(a: &Path, b: &Path) -> bool {
    a == b || identity(a).is_some_and(|id| identity(b) == Some(id))
}

/// The file system as a node sees it.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    /// `/proc/PID/root` of a node in another mount namespace.
    pub(crate) root: Option<PathBuf>,
}

impl View {
    /// Where we find what the node calls `path` (absolute). It is the path itself where that is the same file, since a path
    /// through /proc ends with the process.
    pub(crate) fn ours(&self, path: &Path) -> PathBuf {
        let Some(root) = &self.root else { return path.to_owned() };
        let inside = root.join(path.strip_prefix("/").unwrap_or(path));
        // A file that is still to come, as a cookie during start-up, is where its directory is.
        let shared = match (path.parent(), inside.parent()) {
            _ if identity(&inside).is_some() => same(path, &inside),
            (Some(ours), Some(theirs)) => same(ours, theirs),
            _ => false,
        };
        if shared { path.to_owned() } else { inside }
    }
}
