//! What keeps this program from reading a file, and what would help.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{Access, access};

/// Why `path` cannot be read, and what would help where that is known.
pub(crate) fn reason(path: &Path, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "it does not exist".to_owned(),
        io::ErrorKind::PermissionDenied => denied(path),
        _ => error.to_string(),
    }
}

/// Who may read `path`, or enter the directory that is in the way to it.
fn denied(path: &Path) -> String {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let closed = |directory: &&Path| access(*directory, Access::EXEC_OK) == Err(rustix::io::Errno::ACCESS);
    let directory = path.ancestors().skip(1).filter(closed).last();
    let (barrier, permission, bit) = match directory {
        Some(directory) => (directory, "g+x", 0o010),
        None => (path.as_path(), "g+r", 0o040),
    };
    let Ok(metadata) = fs::metadata(barrier) else {
        return "permission denied; run as the user that the node runs as".to_owned();
    };
    let owner = name_of("/etc/passwd", metadata.uid());
    let group = name_of("/etc/group", metadata.gid());
    let place = directory.map_or(String::new(), |directory| format!(" in {}", directory.display()));
    let allow = if metadata.mode() & bit == bit {
        String::new()
    } else {
        format!(" after chmod {permission} {}", barrier.display())
    };
    format!("permission denied{place}; run as user {owner}, or as a member of group {group}{allow}")
}

/// The name of a user or group; its number if it has none.
fn name_of(table: &str, id: u32) -> String {
    let number = id.to_string();
    let text = fs::read_to_string(table).unwrap_or_default();
    let mut entries = text.lines().map(|line| line.split(':'));
    let name = entries.find_map(|mut fields| {
        let name = fields.next()?;
        (fields.nth(1)? == number).then(|| name.to_owned())
    });
    name.unwrap_or(number)
}
