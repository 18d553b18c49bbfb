//! Connecting to a Unix socket, whatever the length of its path.

use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, open};
use tokio::net::UnixStream;

use crate::IpcError;

/// The longest path of a socket: `sun_path` of sockaddr_un has 108 bytes, one of which ends it.
const MAX_PATH: usize = 107;

/// Connects to a socket.
///
/// # Errors
/// [`IpcError::Unreachable`].
pub async fn connect(socket: &Path) -> Result<std::os::unix::net::UnixStream, IpcError> {
    let connected = async {
        let folder = long_folder(socket)?;
        let short = folder.as_ref().map(|(_, path)| path.as_path());
        UnixStream::connect(short.unwrap_or(socket)).await?.into_std()
    };
    connected.await.map_err(|source| IpcError::Unreachable { socket: socket.to_owned(), source })
}

/// For a path that is too long: its folder, opened, and a short path by way of that.
fn long_folder(socket: &Path) -> io::Result<Option<(std::os::fd::OwnedFd, PathBuf)>> {
    let (Some(folder), Some(name)) = (socket.parent(), socket.file_name()) else { return Ok(None) };
    if socket.as_os_str().as_bytes().len() <= MAX_PATH {
        return Ok(None);
    }
    let opened = open(folder, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let path = Path::new("/proc/self/fd").join(opened.as_raw_fd().to_string()).join(name);
    Ok(Some((opened, path)))
}
