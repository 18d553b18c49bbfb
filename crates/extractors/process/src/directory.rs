//! Disk use of a directory.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use event::pb::observer::NodeDirectory;
use tokio_util::sync::CancellationToken;

/// How many files and directories are counted at most. A node with all indexes has some 50,000.
const MAX_ENTRIES: u64 = 200_000;

/// How deep directories are looked into, each of which is kept open meanwhile. Indexes are three deep.
const MAX_DEPTH: usize = 8;

/// Bytes in a block of a file's metadata, whatever blocks the file system has.
const BLOCK: u64 = 512;

/// Disk use of what is in `path` at any depth; the result is called `name`. Links in it are not followed, though `path` may be one. The result is
/// marked as partial if something could not be read, or was beyond the limits.
///
/// # Errors
/// `path` can't be looked into at all.
pub(crate) fn usage(name: &str, path: &Path, stop: &CancellationToken) -> io::Result<NodeDirectory> {
    let mut usage = NodeDirectory { name: name.to_owned(), ..NodeDirectory::default() };
    let mut pending = vec![fs::read_dir(path)?];
    let mut entries = 0;
    while let Some(directory) = pending.last_mut() {
        let Some(entry) = directory.next() else {
            pending.pop();
            continue;
        };
        entries += 1;
        if entries > MAX_ENTRIES || stop.is_cancelled() {
            usage.partial = true;
            break;
        }
        let seen = entry.and_then(|entry| Ok((entry.metadata()?, entry)));
        let inside = seen.and_then(|(metadata, entry)| {
            usage.bytes = usage.bytes.saturating_add(metadata.blocks().saturating_mul(BLOCK));
            usage.files += u64::from(!metadata.is_dir());
            let deeper = metadata.is_dir() && pending.len() < MAX_DEPTH;
            usage.partial |= metadata.is_dir() && !deeper;
            deeper.then(|| fs::read_dir(entry.path())).transpose()
        });
        match inside {
            Ok(inside) => pending.extend(inside),
            // The node removes files all the time.
            Err(error) => usage.partial |= error.kind() != io::ErrorKind::NotFound,
        }
    }
    Ok(usage)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn files_at_any_depth() {
        let root = tempfile::tempdir().unwrap();
        let path = |path: &str| root.path().join(path);
        fs::create_dir_all(path("blocks/index/deep")).unwrap();
        for (file, size) in
            [("blocks/blk00000.dat", 100_000), ("blocks/index/deep/1.ldb", 50_000), ("elsewhere", 900_000)]
        {
            fs::write(path(file), vec![1; size]).unwrap();
        }
        symlink(path("elsewhere"), path("blocks/link")).unwrap();
        symlink(path("blocks"), path("blocks/loop")).unwrap();
        let stop = CancellationToken::new();
        let found = usage("blocks", &path("blocks"), &stop).unwrap();
        assert_eq!((&*found.name, found.files, found.partial), ("blocks", 4, false));
        assert!((150_000..300_000).contains(&found.bytes), "{found:?}");
        assert_eq!(usage("blocks", &path("blocks/loop"), &stop).unwrap(), found, "it may itself be a link");
        assert_eq!(usage("x", &path("x"), &stop).unwrap_err().kind(), io::ErrorKind::NotFound);
        let mut deep = path("blocks");
        (0..=MAX_DEPTH).for_each(|_| deep.push("d"));
        fs::create_dir_all(deep).unwrap();
        assert!(usage("blocks", &path("blocks"), &stop).unwrap().partial);
        fs::remove_dir_all(path("blocks/d")).unwrap();
        assert!(!usage("blocks", &path("blocks"), &stop).unwrap().partial);
        stop.cancel();
        assert!(usage("blocks", &path("blocks"), &stop).unwrap().partial);
    }
}
