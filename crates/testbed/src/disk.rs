//! A small disk, to be full.

use std::ffi::CString;
use std::path::Path;

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use tempfile::TempDir;

/// A file system in memory, which is gone when this is dropped.
#[derive(Debug)]
pub struct Disk(TempDir);

impl Disk {
    /// One of this size, such as `2m`. None, after it is reported that the running test is skipped, where file systems cannot be mounted.
    pub fn mount(size: &str) -> Option<Self> {
        let mounted = || -> anyhow::Result<Self> {
            let directory = tempfile::Builder::new().prefix("testbed-disk-").tempdir()?;
            let options = CString::new(format!("size={size}"))?;
            mount("testbed", directory.path(), "tmpfs", MountFlags::empty(), &*options)?;
            Ok(Self(directory))
        };
        mounted().map_err(|error| crate::skipped(&format!("no file system can be mounted here: {error}"))).ok()
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = unmount(self.0.path(), UnmountFlags::DETACH);
    }
}
