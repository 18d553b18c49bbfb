//! Which of Bitcoin Core's tracepoints the node's program has.
//!
//! They are listed in the ELF section `.note.stapsdt`, also of a stripped program, so that nothing needs to run or be attached.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use node::Located;
use object::elf::{FileHeader32, FileHeader64, NoteType};
use object::read::elf::{FileHeader, SectionHeader};
use object::{Endianness, FileKind, ReadCache, ReadRef};

use super::{Check, Remedy, State};

pub const INTERFACE: &str = "tracepoints";

/// Those of Bitcoin Core that tell of peers, messages, mempool and blocks, as `provider:name`.
const USEFUL: [&str; 12] = [
    "mempool:added",
    "mempool:rejected",
    "mempool:removed",
    "mempool:replaced",
    "net:closed_connection",
    "net:evicted_inbound_connection",
    "net:inbound_connection",
    "net:inbound_message",
    "net:misbehaving_connection",
    "net:outbound_connection",
    "net:outbound_message",
    "validation:block_connected",
];

/// The owner and type of the notes that describe tracepoints.
const OWNER: &[u8] = b"stapsdt";
const TYPE: NoteType = NoteType(3);

/// Programs have some dozens; a file made to be odd may have any number.
const MAX_NOTES: usize = 100_000;

pub fn check(located: &Located) -> Check {
    // The running program, which after an upgrade is another than the file of its name.
    let running = located.pid.map(|pid| PathBuf::from(format!("/proc/{pid}/exe")));
    let paths: Vec<_> = running.into_iter().chain(located.binary.clone()).collect();
    let shown = located.binary.as_ref().or(paths.first());
    let Some(shown) = shown.map(|path| path.display().to_string()) else {
        return Check::new(INTERFACE, State::Missing, "the node is not running, so its program is not known")
            .remedy(Remedy::new("start the node"));
    };
    let mut result = Err("there is no such file".to_owned());
    for path in &paths {
        result = compiled_in(path);
        if result.is_ok() {
            break;
        }
    }
    match result {
        Ok(found) => judge(&found, &shown),
        Err(reason) => {
            let owner = located.owner.as_deref().unwrap_or("root");
            let who = if owner == "root" { "root".to_owned() } else { format!("user {owner} or root") };
            let advice = format!("if that is a matter of permissions, run as {who}:");
            Check::new(INTERFACE, State::Missing, format!("cannot read {shown}: {reason}"))
                .remedy(Remedy::new(advice).line(format!("sudo -u {owner} peer-observer doctor")))
        }
    }
}

/// What the tracepoints `found` in the program are good for.
fn judge(found: &BTreeSet<String>, program: &str) -> Check {
    let lacking: Vec<_> = USEFUL.iter().copied().filter(|name| !found.contains(*name)).collect();
    let there = USEFUL.len() - lacking.len();
    match there {
        0 => Check::new(INTERFACE, State::Missing, format!("none are compiled into {program}")).remedy(
            Remedy::new("run a release of Bitcoin Core from bitcoincore.org, or build the node with them:")
                .line("cmake -B build -DWITH_USDT=ON"),
        ),
        _ if lacking.is_empty() => {
            let what = format!("all {there} that matter are compiled in ({} altogether)", found.len());
            Check::new(INTERFACE, State::Ok, what)
        }
        _ => {
            let what = format!("{there} of {} are compiled in; missing: {}", USEFUL.len(), lacking.join(", "));
            Check::new(INTERFACE, State::Limited, what)
                .remedy(Remedy::new("upgrade the node: newer versions have more of them"))
        }
    }
}

/// The tracepoints of a program, as `provider:name`. None if it is not an ELF file for Linux.
///
/// # Errors
/// The file can't be read; why.
fn compiled_in(path: &Path) -> Result<BTreeSet<String>, String> {
    let file = File::open(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        std::io::ErrorKind::NotFound => "it does not exist".to_owned(),
        _ => e.to_string(),
    })?;
    let data = ReadCache::new(file);
    let tracepoints = match FileKind::parse(&data) {
        Ok(FileKind::Elf64) => read::<FileHeader64<Endianness>, _>(&data, 8),
        Ok(FileKind::Elf32) => read::<FileHeader32<Endianness>, _>(&data, 4),
        Ok(_) => return Err("it is not a program for Linux".to_owned()),
        Err(e) => Err(e),
    };
    tracepoints.map_err(|e| e.to_string())
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
            let found = compiled_in(program(architecture, &notes).path()).unwrap();
            assert_eq!(Vec::from_iter(found), ["mempool:added", "net:inbound_message"]);
        }
        // A file of other makers, where there is one.
        let library = Path::new("/usr/lib/x86_64-linux-gnu/libstdc++.so.6");
        if library.exists() {
            assert!(compiled_in(library).unwrap().contains("libstdcxx:throw"));
        }
    }

    #[test]
    fn files_that_are_no_program_or_odd() {
        let odd = program(Architecture::X86_64, &[255; 40]);
        assert!(compiled_in(odd.path()).is_err());
        let text = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(text.path(), "#!/bin/sh\nexec bitcoind\n").unwrap();
        assert!(compiled_in(text.path()).is_err());
        assert_eq!(compiled_in(Path::new("/no/such/file")).unwrap_err(), "it does not exist");
        // A program of this machine that has none, at least none of Bitcoin Core's.
        let own = compiled_in(&std::env::current_exe().unwrap()).unwrap();
        assert_eq!(judge(&own, "it").state, State::Missing);
    }

    #[test]
    fn what_they_are_good_for() {
        let all: BTreeSet<_> = USEFUL.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(judge(&all, "it").state, State::Ok);
        let some = all.iter().filter(|name| !name.starts_with("mempool:")).cloned().collect();
        let check = judge(&some, "it");
        assert!(check.state == State::Limited && check.what.contains("8 of 12"), "{check:?}");
        assert!(check.what.contains("mempool:removed"), "{check:?}");
        let none = judge(&BTreeSet::new(), "/usr/bin/bitcoind");
        assert!(none.state == State::Missing && none.what.contains("/usr/bin/bitcoind"), "{none:?}");
        assert!(none.remedies[0].lines[0].contains("-DWITH_USDT=ON"), "{none:?}");
    }
}
