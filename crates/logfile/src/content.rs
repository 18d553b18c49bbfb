//! What a file holds, by its first bytes: a log, a log in a form that is unpacked, or something else, which is refused
//! by name. Otherwise it would become thousands of events of rubbish.

use std::fmt;

use decode::log::{Decoder, Splitter, Tail};

/// How many bytes at the start are looked at.
pub const SAMPLE: usize = 4096;

/// One in so many bytes may be no text before the whole is taken for binary data.
const MIN_TEXT: usize = 4;

/// The mark of UTF-8 that some editors write.
pub const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Not at all.
    Plain,
    /// gzip, one member or several.
    Gzip,
    /// zstd, one frame or several.
    Zstd,
    /// xz, one stream or several.
    Xz,
}

impl Form {
    /// The form of a file that begins with these bytes.
    pub fn of(start: &[u8]) -> Self {
        match start {
            [0x1f, 0x8b, ..] => Self::Gzip,
            // A frame, or one that is to be skipped, as parallel compressors write it.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            _ => Self::Plain,
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "plain",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Xz => "xz",
        })
    }
}

/// What is read by no part of this program: how it begins, what it is, and what helps.
const OTHERS: &[(&[u8], &str, &str)] = &[
    (b"BZh", "bzip2 data", "unpack it first (bunzip2)"),
    (b"PK\x03\x04", "a zip archive", "unpack it first (unzip)"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it first (7z x)"),
    (b"Rar!\x1a\x07", "a rar archive", "unpack it first (unrar x)"),
    (b"\x04\x22\x4d\x18", "lz4 data", "unpack it first (unlz4)"),
    (b"LZIP", "lzip data", "unpack it first (lzip -d)"),
    (b"\x89LZO", "lzop data", "unpack it first (lzop -d)"),
    (b"\x5d\x00\x00", "lzma data", "unpack it first (unlzma)"),
    (b"\x1f\x9d", "data packed by compress", "unpack it first (uncompress)"),
    (b"\xff\x06\x00\x00sNaPpY", "snappy data", "unpack it first"),
    (b"LPKSHHRH", "a journal of systemd", "export it first (journalctl -o cat --file)"),
];

/// Why this, the start of unpacked data, is no log, and what helps.
pub fn refusal(start: &[u8]) -> Option<String> {
    let known = OTHERS.iter().find(|(begins, ..)| start.starts_with(begins));
    let (what, remedy) = match known {
        Some((_, what, remedy)) => (*what, *remedy),
        None if start.get(257..262) == Some(b"ustar") => ("a tar archive", "unpack it first (tar xf)"),
        None if is_utf32(start) => ("UTF-32 text", "convert it first (iconv -f UTF-32 -t UTF-8)"),
        None if is_utf16(start) => ("UTF-16 text", "convert it first (iconv -f UTF-16 -t UTF-8)"),
        None if is_binary(start) => ("binary data", "a log is plain text; correct the path"),
        None => return None,
    };
    Some(format!("it is {what}; {remedy}"))
}

/// Why this, the start of something that is followed, is no log, and what helps.
pub fn refusal_to_follow(start: &[u8]) -> Option<String> {
    match Form::of(start) {
        Form::Plain => refusal(start),
        packed => Some(format!("it is {packed} data, which can't be followed; read it with --once")),
    }
}

fn is_utf32(start: &[u8]) -> bool {
    matches!(start, [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..])
}

/// Whether this begins with the mark of UTF-16, or with digits of a year in it.
fn is_utf16(start: &[u8]) -> bool {
    match start {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => true,
        [a, 0, b, 0, c, 0, ..] | [0, a, 0, b, 0, c, ..] => [a, b, c].iter().all(|byte| byte.is_ascii_graphic()),
        _ => false,
    }
}

/// Whether this is mostly no text, and has no entry of a log. Zero bytes at the start do not count: where a log that is
/// written to was truncated, a hole is left.
fn is_binary(start: &[u8]) -> bool {
    let start = start.get(..SAMPLE).unwrap_or(start);
    let text = start.iter().position(|byte| *byte != 0).and_then(|at| start.get(at..)).unwrap_or_default();
    let odd: usize = text
        .utf8_chunks()
        .map(|chunk| {
            let valid = chunk.valid().chars();
            valid.filter(|char| char.is_control() && !"\t\n\r\u{1b}".contains(*char)).count() + chunk.invalid().len()
        })
        .sum();
    odd * MIN_TEXT > text.len() && !has_entry(text)
}

fn has_entry(text: &[u8]) -> bool {
    let mut decoder = Decoder::default();
    for entry in Splitter::default().entries(text, Tail::Ends) {
        decoder.entry(entry, 0);
    }
    decoder.guesses().timed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_log_is_refused_by_name() {
        let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
        let big_endian = |text: &str| text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>();
        let line = "2026-06-23T16:19:13Z [net] a\n";
        let mut tar = vec![0; 600];
        tar[257..262].copy_from_slice(b"ustar");
        let noise: Vec<u8> = (0..4096u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let cases: [(Vec<u8>, &str); 13] = [
            (b"BZh91AY&SY".to_vec(), "bzip2"),
            (b"PK\x03\x04abc".to_vec(), "zip"),
            (utf16(line), "UTF-16"),
            ([b"\xff\xfe".to_vec(), utf16(line)].concat(), "UTF-16"),
            (big_endian(line), "UTF-16"),
            (tar, "tar"),
            (noise, "binary"),
            (b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0".to_vec(), "binary"),
            (line.into(), ""),
            (Vec::new(), ""),
            // Left by a crash, or by truncation below a writer.
            ([vec![0; 4000], line.into()].concat(), ""),
            ([line.into(), vec![0; 4000]].concat(), ""),
            ("г. жалоба на диск\n".into(), ""),
        ];
        for (bytes, expected) in cases {
            let refusal = refusal(&bytes).unwrap_or_default();
            assert_eq!(refusal.is_empty(), expected.is_empty(), "{refusal}");
            assert!(refusal.contains(expected), "{refusal}");
        }
        assert!(refusal_to_follow(b"\x1f\x8b\x08").is_some_and(|refusal| refusal.contains("gzip")));
    }
}
