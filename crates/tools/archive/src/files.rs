//! The files of an archive in its directory: which are there, which are too many, and which were not completed.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use store::archive::{FileName, Finished, finish};
use store::note_path;
use tracing::{info, warn};

/// Bytes of a file that has less than the frame of its header, at most.
const MAX_UNBEGUN: u64 = 1_024;
/// So long after a file was created, its writer has locked it.
const JUST_BEGUN: Duration = Duration::from_secs(10);

/// A file of the archive.
pub(crate) struct Entry {
    created_ms: u64,
    pub bytes: u64,
    pub path: PathBuf,
}

/// The files with this base, the oldest first.
pub(crate) fn entries(directory: &Path, base: &str) -> std::io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let Some(name) = FileName::of(&path).filter(|name| name.base == base) else { continue };
        // One that is gone by now is not there.
        let Ok(metadata) = path.symlink_metadata() else { continue };
        if metadata.is_file() {
            entries.push(Entry { created_ms: name.created_ms, bytes: metadata.len(), path });
        }
    }
    entries.sort_by_key(|entry| entry.created_ms);
    Ok(entries)
}

/// The paths of the files with this base, the oldest first.
pub(crate) fn paths(directory: &Path, base: &str) -> std::io::Result<Vec<PathBuf>> {
    Ok(entries(directory, base)?.into_iter().map(|entry| entry.path).collect())
}

/// How much is kept.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Retention {
    /// Bytes of all files together.
    pub bytes: Option<u64>,
    /// Time since the end of a file.
    pub age: Option<Duration>,
}

/// Writes a small file that nobody but its owner can read: all of it, or nothing, whatever happens meanwhile.
pub(crate) fn write_small(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let new = path.with_added_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

/// Removes a file, and what is noted of it.
pub(crate) fn remove(path: &Path) -> std::io::Result<()> {
    std::fs::remove_file(path)?;
    match std::fs::remove_file(note_path(path)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes the oldest files until the others are few enough: first those that are safe elsewhere, by path and size. The others do not grow too
/// old, and are removed for their size only. `current` is never removed, whatever its size.
pub(crate) fn retain(
    directory: &Path,
    base: &str,
    retention: Retention,
    current: Option<&Path>,
    is_safe: impl Fn(&Path, u64) -> bool,
) {
    if retention.bytes.is_none() && retention.age.is_none() {
        return;
    }
    let entries = match entries(directory, base) {
        Ok(entries) => entries,
        Err(error) => return warn!("cannot look for old archives in {}: {error}", directory.display()),
    };
    let mut total: u64 = entries.iter().map(|entry| entry.bytes).sum();
    let old = entries.into_iter().filter(|entry| Some(&*entry.path) != current);
    let (safe, waiting): (Vec<_>, Vec<_>) = old.partition(|entry| is_safe(&entry.path, entry.bytes));
    let both = safe.iter().map(|entry| (entry, true)).chain(waiting.iter().map(|entry| (entry, false)));
    for (entry, is_safe) in both {
        let too_large = retention.bytes.is_some_and(|most| total > most);
        let ended = entry.path.metadata().and_then(|metadata| metadata.modified()).ok();
        let age = ended.and_then(|ended| ended.elapsed().ok());
        let too_old = is_safe && retention.age.is_some_and(|most| age.is_some_and(|age| age > most));
        if !too_large && !too_old {
            continue;
        }
        let path = entry.path.display();
        match remove(&entry.path) {
            Ok(()) => {
                total = total.saturating_sub(entry.bytes);
                let why = if too_old { "it is too old" } else { "all are too large" };
                if is_safe {
                    info!("removed the archive {path}, since {why}");
                } else {
                    warn!("removed the archive {path}, which is not in the store, since {why}");
                }
            }
            Err(error) => warn!("cannot remove the archive {path}: {error}"),
        }
    }
}

/// Whether not even the first frame of a file, which has the header alone, was written, and nobody has just begun to.
fn is_unbegun(path: &Path) -> bool {
    let Ok(metadata) = path.metadata() else { return false };
    let age = metadata.modified().ok().and_then(|modified| modified.elapsed().ok());
    metadata.len() <= MAX_UNBEGUN && age.is_some_and(|age| age > JUST_BEGUN)
}

/// Completes the files that a process before this one could not. Those without anything in them are removed.
pub(crate) fn finish_old(directory: &Path, base: &str, current: Option<&Path>) {
    let entries = match entries(directory, base) {
        Ok(entries) => entries,
        Err(error) => return warn!("cannot look for unfinished archives in {}: {error}", directory.display()),
    };
    for entry in entries.iter().filter(|entry| Some(&*entry.path) != current) {
        let path = entry.path.display();
        match finish(&entry.path) {
            Ok(Finished::Already) => {}
            Ok(Finished::Now { removed, events }) => {
                info!(
                    "completed the archive {path}, which has {events} events ({removed} bytes of an incomplete frame removed)"
                );
            }
            Ok(Finished::Empty) if is_unbegun(&entry.path) => match remove(&entry.path) {
                Ok(()) => info!("removed the archive {path}, whose writer was killed before it wrote anything"),
                Err(error) => warn!("cannot remove the archive {path}, which has nothing in it: {error}"),
            },
            Ok(Finished::Empty) => warn!("the archive {path} has nothing that can be read"),
            Ok(Finished::Damaged) => {
                warn!("the archive {path} cannot be completed: it is damaged, or of another program");
            }
            // Another process writes it.
            Err(store::archive::ArchiveError::InUse { .. }) => {}
            Err(error) => warn!("cannot complete the archive: {error}"),
        }
    }
}
