//! Unpacks what is compressed, within a bounded amount of memory.

use std::io::{self, BufReader, Cursor, ErrorKind, Read};

use flate2::read::MultiGzDecoder;
use lzma_rust2::XzReader;

use crate::content::Form;

/// Bytes at the start of a file that show its form, and the memory that it takes.
const HEADER: usize = 48;
/// The memory that unpacking xz data may take: that of `xz -9` and a little more. The data choose how much.
const MAX_XZ: u64 = 80 << 20;
/// The largest window of zstd data that is taken: that of `zstd --long` and `zstd -22`, which every reader takes.
const MAX_ZSTD: u64 = 128 << 20;
/// Memory that is always granted: what `xz -6` and `zstd -19` take. So later parts of a file may want more than the first.
const USUAL: u64 = 8 << 20;
/// Memory that unpacking takes beside the dictionary or window.
const BESIDE: u64 = 1 << 20;

/// What is in a file, unpacked where that is necessary.
pub struct Unpacked {
    form: Form,
    memory: u64,
    reader: Box<dyn Read + Send>,
}

impl Unpacked {
    /// Finds out how a file is compressed. Nothing but its first bytes is read yet.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn new<R: Read + Send + 'static>(mut file: R) -> io::Result<Self> {
        let mut start = Vec::with_capacity(HEADER);
        file.by_ref().take(HEADER as u64).read_to_end(&mut start)?;
        let form = Form::of(&start);
        let wanted = match form {
            Form::Plain | Form::Gzip => 0,
            Form::Zstd => zstd_window(&start).unwrap_or(USUAL).clamp(USUAL, MAX_ZSTD),
            Form::Xz => xz_dictionary(&start).unwrap_or(USUAL).clamp(USUAL, MAX_XZ),
        };
        let file = Cursor::new(start).chain(file);
        let reader: Box<dyn Read + Send> = match form {
            Form::Plain => Box::new(file),
            Form::Gzip => Box::new(MultiGzDecoder::new(BufReader::with_capacity(128 << 10, file))),
            Form::Zstd => {
                let mut decoder = zstd::Decoder::new(file)?;
                decoder.window_log_max(wanted.next_power_of_two().ilog2())?;
                Box::new(decoder)
            }
            Form::Xz => {
                let limit = u32::try_from((wanted + BESIDE) >> 10).unwrap_or(u32::MAX);
                Box::new(XzReader::new_mem_limit(BufReader::with_capacity(128 << 10, file), true, limit))
            }
        };
        Ok(Self { form, memory: if wanted == 0 { 0 } else { wanted + BESIDE }, reader })
    }

    /// How the file is compressed.
    pub fn form(&self) -> Form {
        self.form
    }

    /// The bytes of memory that unpacking takes at most.
    pub fn memory(&self) -> u64 {
        self.memory
    }

    /// Why the data could not be read, and what helps. `error` is what reading them returned.
    pub fn explain(&self, error: &io::Error) -> String {
        let form = self.form;
        match (form, error.kind()) {
            (Form::Plain, _) => error.to_string(),
            (_, ErrorKind::UnexpectedEof) => format!("its {form} data are cut off; get the whole file"),
            _ => format!(
                "its {form} data can't be unpacked ({error}); get another copy of it, or unpack it by other means"
            ),
        }
    }
}

impl Read for Unpacked {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.reader.read(room)
    }
}

/// The window of a zstd frame that begins with these bytes, which is the memory that it takes to be unpacked piece by piece. None if this is no frame,
/// or a frame that is to be skipped.
pub fn zstd_window(start: &[u8]) -> Option<u64> {
    let [0x28, 0xb5, 0x2f, 0xfd, descriptor, rest @ ..] = start else { return None };
    if descriptor & 0x20 == 0 {
        let window = *rest.first()?;
        let base = 1u64 << (10 + (window >> 3));
        return Some(base + base / 8 * u64::from(window & 7));
    }
    // Without a window: that is the size of the content, behind the number of a dictionary.
    let dictionary = [0, 1, 2, 4].get(usize::from(descriptor & 3)).copied()?;
    let bytes = [1, 2, 4, 8].get(usize::from(descriptor >> 6)).copied()?;
    let mut size = [0; 8];
    size.get_mut(..bytes)?.copy_from_slice(rest.get(dictionary..dictionary + bytes)?);
    Some(u64::from_le_bytes(size) + if bytes == 2 { 256 } else { 0 })
}

/// The dictionary of the first block of xz data that begin with these bytes.
fn xz_dictionary(start: &[u8]) -> Option<u64> {
    /// Bytes of the stream's header.
    const STREAM: usize = 12;
    /// The filter that nearly all files have, alone or last.
    const LZMA2: u8 = 0x21;
    let [_, flags, rest @ ..] = start.get(STREAM..)? else { return None };
    let mut rest = rest;
    for present in [0x40, 0x80] {
        if flags & present != 0 {
            // A number of which all bytes but the last have their highest bit set.
            rest = rest.get(rest.iter().position(|byte| byte & 0x80 == 0)? + 1..)?;
        }
    }
    loop {
        let [filter, size, after @ ..] = rest else { return None };
        if *filter == LZMA2 {
            let bits = after.first().filter(|bits| **bits <= 40)?;
            return Some((2 | u64::from(bits & 1)) << (bits / 2 + 11));
        }
        rest = after.get(usize::from(*size)..)?;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn memory_is_known_before_anything_is_unpacked() {
        let text = b"2026-06-23T16:19:13Z a\n".repeat(1000);
        assert_eq!(zstd_window(&zstd::encode_all(&*text, 3).unwrap()), Some(23_000));
        assert_eq!(zstd_window(&zstd::bulk::compress(&text, 3).unwrap()), Some(23_000));
        let mut long = zstd::Encoder::new(Vec::new(), 3).unwrap();
        long.window_log(27).unwrap();
        // So that its length is not known yet when it begins.
        long.flush().unwrap();
        long.write_all(&text).unwrap();
        long.flush().unwrap();
        let long = long.finish().unwrap();
        assert_eq!(zstd_window(&long), Some(128 << 20));
        assert_eq!(Unpacked::new(Cursor::new(long)).unwrap().memory(), (128 << 20) + BESIDE);
        assert_eq!(zstd_window(&text), None);
        let xz: &[u8] = include_bytes!("../../extractors/log/tests/it/cases/debug.log.1.xz");
        assert_eq!(xz_dictionary(xz), Some(8 << 20));
        assert_eq!(Unpacked::new(xz).unwrap().memory(), USUAL + BESIDE);
        assert_eq!(Unpacked::new(Cursor::new(text)).unwrap().memory(), 0);
    }
}
