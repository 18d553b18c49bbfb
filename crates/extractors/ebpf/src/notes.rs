//! Which of the tracepoints a program has.
//!
//! They are listed in the ELF section `.note.stapsdt`, also of a stripped program, so that nothing needs to run or be attached.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::Path;

use object::elf::{FileHeader32, FileHeader64, NoteType};
use object::read::elf::{FileHeader, SectionHeader};
use object::{Endianness, FileKind, ReadCache, ReadRef};
use thiserror::Error;

/// The owner and type of the notes that describe tracepoints.
const OWNER: &[u8] = b"stapsdt";
const TYPE: NoteType = NoteType(3);

/// How many notes are read at most. Programs have some dozens; a malicious file may have any number.
const MAX_NOTES: usize = 100_000;

/// Why the tracepoints of a program are not known.
#[derive(Debug, Error)]
pub enum NotesError {
    /// The file can't be opened.
    #[error("{}", reason(.0))]
    Open(#[from] io::Error),
    /// It is a program of another system.
    #[error("it is not a program for Linux")]
    NotLinux,
    /// It is malformed.
    #[error("{0}")]
    Malformed(#[from] object::read::Error),
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::NotFound => "it does not exist".to_owned(),
        _ => error.to_string(),
    }
}

/// The names of the tracepoints of a program, as `provider:name`.
///
/// # Errors
/// The file can't be read, or is no program for Linux.
pub fn tracepoints_of(path: &Path) -> Result<BTreeSet<String>, NotesError> {
    let data = ReadCache::new(File::open(path)?);
    match FileKind::parse(&data) {
        Ok(FileKind::Elf64) => Ok(read::<FileHeader64<Endianness>, _>(&data, 8)?),
        Ok(FileKind::Elf32) => Ok(read::<FileHeader32<Endianness>, _>(&data, 4)?),
        Ok(_) => Err(NotesError::NotLinux),
        Err(e) => Err(e.into()),
    }
}

/// Reads the notes; an address in them has `width` bytes.
fn read<'data, Elf: FileHeader, R: ReadRef<'data>>(data: R, width: usize) -> object::read::Result<BTreeSet<String>> {
    let header = Elf::parse(data)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, data)?;
    let mut found = BTreeSet::new();
    let Some((_, section)) = sections.section_by_name(endian, b".note.stapsdt") else { return Ok(found) };
    let Some(mut notes) = section.notes(endian, data)? else { return Ok(found) };
    for _ in 0..MAX_NOTES {
        let Some(note) = notes.next()? else { break };
        if note.name() == OWNER && note.n_type(endian) == TYPE {
            found.extend(name(note.desc(), width));
        }
    }
    Ok(found)
}

/// Provider and name in the description of a note: they come after three addresses, each ended by a 0.
fn name(description: &[u8], width: usize) -> Option<String> {
    let mut texts = description.get(3 * width..)?.split(|byte| *byte == 0);
    let (provider, name) = (texts.next()?, texts.next()?);
    Some(format!("{}:{}", std::str::from_utf8(provider).ok()?, std::str::from_utf8(name).ok()?))
}

#[cfg(test)]
mod tests {
    use object::write::{Object, StandardSegment};
    use object::{Architecture, BinaryFormat, SectionKind};

    use super::*;

    fn note(owner: &[u8], kind: u32, description: &[u8]) -> Vec<u8> {
        let padded = |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            bytes.resize(bytes.len().next_multiple_of(4), 0);
            bytes
        };
        let sizes = [owner.len() as u32, description.len() as u32, kind];
        let mut note: Vec<u8> = sizes.into_iter().flat_map(u32::to_le_bytes).collect();
        note.extend(padded(owner));
        note.extend(padded(description));
        note
    }

    fn tracepoint(provider: &str, name: &str, width: usize) -> Vec<u8> {
        let mut description = vec![7; 3 * width];
        description.extend(format!("{provider}\0{name}\0-8@%rax 8@-16(%rbp)\0").bytes());
        note(b"stapsdt\0", 3, &description)
    }

    /// A program with these notes, in a file.
    fn program(architecture: Architecture, notes: &[u8]) -> tempfile::NamedTempFile {
        let mut object = Object::new(BinaryFormat::Elf, architecture, Endianness::Little);
        let segment = object.segment_name(StandardSegment::Text).to_vec();
        let section = object.add_section(segment, b".note.stapsdt".to_vec(), SectionKind::Note);
        object.append_section_data(section, notes, 4);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), object.write().unwrap()).unwrap();
        file
    }

    #[test]
    fn tracepoints_of_programs() {
        for (architecture, width) in
            [(Architecture::X86_64, 8), (Architecture::Aarch64, 8), (Architecture::Arm, 4), (Architecture::I386, 4)]
        {
            let mut notes = tracepoint("net", "inbound_message", width);
            notes.extend(note(b"GNU\0", 3, b"build id"));
            notes.extend(note(b"stapsdt\0", 9, b"of another type"));
            notes.extend(note(b"stapsdt\0", 3, b"short"));
            notes.extend(tracepoint("mempool", "added", width));
            let found = tracepoints_of(program(architecture, &notes).path()).unwrap();
            assert_eq!(Vec::from_iter(found), ["mempool:added", "net:inbound_message"]);
        }
        // A file of other makers, where there is one.
        let library = Path::new("/usr/lib/x86_64-linux-gnu/libstdc++.so.6");
        if library.exists() {
            assert!(tracepoints_of(library).unwrap().contains("libstdcxx:throw"));
        }
    }

    #[test]
    fn files_that_are_no_program_or_odd() {
        let odd = program(Architecture::X86_64, &[255; 40]);
        assert!(tracepoints_of(odd.path()).is_err());
        let text = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(text.path(), "#!/bin/sh\nexec bitcoind\n").unwrap();
        assert!(tracepoints_of(text.path()).is_err());
        assert_eq!(tracepoints_of(Path::new("/no/such/file")).unwrap_err().to_string(), "it does not exist");
        // A program of this machine that has none, at least none of Bitcoin Core's.
        let own = tracepoints_of(&std::env::current_exe().unwrap()).unwrap();
        assert!(!own.contains("net:inbound_message"), "{own:?}");
    }
}
