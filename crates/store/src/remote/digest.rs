//! What a file's content is recognized by.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use md5::Md5;
use sha2::{Digest as _, Sha256};

/// Bytes of the parts in which large files are put.
const PART: u64 = 8 << 20;
/// Parts that an object has at most, with some to spare: S3 takes 10,000.
const MAX_PARTS: u64 = 9_000;
/// Bytes that are read at once.
const CHUNK: usize = 256 << 10;

/// Size and hashes of a file's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    /// Bytes.
    pub size: u64,
    /// SHA-256, hexadecimal.
    pub sha256: String,
    /// What S3 calls ETag if it has the content as we put it: MD5, or that of the MD5s of the parts and their number.
    pub e_tag: String,
}

impl Digest {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn of(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let part = part_bytes(file.metadata()?.len());
        let (mut sha256, mut md5, mut parts) = (Sha256::new(), Md5::new(), Vec::new());
        let (mut chunk, mut size, mut of_part) = (vec![0; CHUNK], 0, 0);
        loop {
            let room = usize::try_from(part - of_part).unwrap_or(CHUNK).min(CHUNK);
            let read = file.read(chunk.get_mut(..room).unwrap_or_default())?;
            let bytes = chunk.get(..read).unwrap_or_default();
            sha256.update(bytes);
            md5.update(bytes);
            (size, of_part) = (size + read as u64, of_part + read as u64);
            if of_part == part || read == 0 {
                if of_part > 0 || parts.is_empty() {
                    parts.push(md5.finalize_reset());
                }
                of_part = 0;
            }
            if read == 0 {
                break;
            }
        }
        let e_tag = match parts.as_slice() {
            [only] if size <= part => hex(only),
            parts => format!("{}-{}", hex(&Md5::digest(parts.concat())), parts.len()),
        };
        Ok(Self { size, sha256: hex(&sha256.finalize()), e_tag })
    }

    /// It is put in one piece.
    pub(crate) fn is_one_part(&self) -> bool {
        self.size <= part_bytes(self.size)
    }
}

/// Bytes of the parts of a file of this size.
pub(crate) fn part_bytes(size: u64) -> u64 {
    PART.max(size.div_ceil(MAX_PARTS).next_multiple_of(1 << 20))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
