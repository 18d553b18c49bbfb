//! The name by which an archive reads a stream. It belongs to the files: it is kept beside them, so that no two archives have the same one.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use crate::files::write_small;

/// The consumer of the archive in this directory, whose files' names begin with `base`. It is made up the first time, and kept in the file
/// `<base>.consumer`.
///
/// # Errors
/// That file cannot be read or written.
pub fn consumer(directory: &Path, base: &str) -> io::Result<String> {
    let path = directory.join(format!("{base}.consumer"));
    let kept = match fs::read_to_string(&path) {
        Ok(kept) => kept.trim().to_owned(),
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    if !kept.is_empty() {
        return Ok(kept);
    }
    let plain = base.replace(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_', "_");
    let name = format!("{plain}-{:08x}", fastrand::u32(..));
    write_small(&path, format!("{name}\n").as_bytes())?;
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_archive_has_its_own_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let first = consumer(folder.path(), "my archive.a").unwrap();
        assert!(first.starts_with("my_archive_a-") && first.len() == 21, "{first}");
        assert_eq!(consumer(folder.path(), "my archive.a").unwrap(), first);
        let other = tempfile::tempdir().unwrap();
        assert_ne!(consumer(other.path(), "my archive.a").unwrap(), first);
    }
}
