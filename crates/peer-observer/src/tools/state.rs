//! Where tools keep what must survive them.

use std::path::{Path, PathBuf};

/// The directory of the system or the user for such things; none if neither is known.
pub fn state_directory() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    // systemd gives several with colons between them.
    let of_system = std::env::var_os("STATE_DIRECTORY").and_then(|paths| std::env::split_paths(&paths).next());
    let of_user = || absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")));
    of_system.or_else(|| Some(of_user()?.join("peer-observer")))
}

/// The folder of a file.
pub fn folder_of(file: &Path) -> Option<PathBuf> {
    let folder = file.parent()?;
    Some(if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_owned() })
}
