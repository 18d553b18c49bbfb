//! Loads the C program into the kernel and attaches it to the tracepoints of node programs.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use decode::tracepoint::Tracepoint;
use libbpf_rs::{Link, MapCore, Object, ObjectBuilder, OpenObject, PrintLevel};
use tracing::debug;

use crate::error::Error;
use crate::notes::tracepoints_of;
use crate::options::{Capture, MAX_LIMITS, Options, Selection};
use crate::ring::Ring;
use crate::shared::Map;

/// The compiled program.
const OBJECT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/tracepoints.bpf.o"));

/// Program files that stay attached; older ones were replaced by upgrades.
const MAX_PROGRAMS: usize = 16;

/// A file, however it is called.
pub(crate) type Identity = (u64, u64);

/// The program in the kernel, and where it is attached. Dropping it detaches it.
///
/// Loading takes privileges, attaching too before Linux 6.6; [`Tracer::load`] and the first [`Tracer::attach`] are for the start of the
/// program, so that privileges can be dropped before anything else begins.
pub struct Tracer {
    /// Before the object, so that it is dropped before it: detaching uses what belongs to that.
    attached: Vec<Attached>,
    object: Object,
    selection: Selection,
    /// The start is over.
    late: bool,
    pub(crate) ring: Ring,
    pub(crate) shared: Map,
}

/// A program file with tracepoints that are attached.
struct Attached {
    id: Identity,
    /// Tracepoints stay attached as long as these live.
    _links: Vec<Link>,
}

/// What came of attaching.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// It had been done before.
    pub already: bool,
    /// Tracepoints that were attached.
    pub tracepoints: BTreeSet<Tracepoint>,
    /// Tracepoints that the program does not have.
    pub missing: Vec<Tracepoint>,
}

impl Tracer {
    /// Loads the program into the kernel.
    ///
    /// # Errors
    /// The kernel does not allow it, or lacks something; the text says what and what would help.
    pub fn load(options: &Options) -> Result<Self, Error> {
        libbpf_rs::set_print(Some((PrintLevel::Debug, said_by_libbpf)));
        let failed = |error| Error::load(error);
        let mut open = ObjectBuilder::default().open_memory(OBJECT).map_err(failed)?;
        configure(&mut open, options).map_err(failed)?;
        let object = open.load().map_err(failed)?;
        let map = |suffix: &str| {
            let mut maps = object.maps();
            let found = maps.find(|map| map.name().to_string_lossy().ends_with(suffix));
            found.ok_or_else(|| Error::Memory(io::Error::other(format!("the program has no map {suffix}"))))
        };
        let ring = map("ring")?;
        let ring = Ring::map(ring.as_fd(), ring.max_entries() as usize).map_err(Error::Memory)?;
        let shared = Map::new(map(".bss")?.as_fd()).map_err(Error::Memory)?;
        Ok(Self { object, selection: options.tracepoints.clone(), attached: Vec::new(), late: false, ring, shared })
    }

    /// Attaches the selected tracepoints of a program file, for all processes of it, also those that do not run yet.
    ///
    /// # Errors
    /// The file can't be read, has no tracepoint that is selected, or the kernel refused.
    pub fn attach(&mut self, path: &Path) -> Result<Attachment, Error> {
        let wrong = |reason: String| Error::Program { path: path.to_owned(), reason };
        let id = identity(path).map_err(|e| wrong(crate::notes::NotesError::from(e).to_string()))?;
        let found = tracepoints_of(path).map_err(|e| wrong(e.to_string()))?;
        let (there, missing): (Vec<_>, Vec<_>) = self.selection.iter().partition(|t| found.contains(t.name()));
        let mut attachment =
            Attachment { already: self.is_attached(id), tracepoints: there.iter().copied().collect(), missing };
        if there.is_empty() {
            let other = Tracepoint::ALL.iter().any(|t| found.contains(t.name()));
            return Err(Error::NoTracepoints { path: path.to_owned(), other });
        }
        if attachment.already {
            attachment.tracepoints.clear();
            return Ok(attachment);
        }
        let mut links = Vec::with_capacity(there.len());
        for tracepoint in there {
            let name = program_name(tracepoint);
            let mut programs = self.object.progs_mut();
            let program = programs.find(|program| program.name() == name.as_str());
            let program = program.ok_or_else(|| wrong(format!("our own program lacks {name}")))?;
            let link = program.attach_usdt(-1, path, tracepoint.provider(), tracepoint.probe());
            links.push(link.map_err(|error| Error::attach(path, tracepoint, error, self.late))?);
        }
        if self.attached.len() >= MAX_PROGRAMS {
            self.attached.remove(0);
        }
        self.attached.push(Attached { id, _links: links });
        Ok(attachment)
    }

    /// Says that the start is over, and privileges may be gone.
    pub(crate) fn started(&mut self) {
        self.late = true;
    }

    /// Detaches from all programs.
    pub(crate) fn detach(&mut self) {
        self.attached.clear();
    }

    /// Whether a file's tracepoints are attached.
    pub(crate) fn is_attached(&self, id: Identity) -> bool {
        self.attached.iter().any(|attached| attached.id == id)
    }
}

/// Device and inode of a file.
pub(crate) fn identity(path: &Path) -> io::Result<Identity> {
    let metadata = fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

/// The path of the file that a process runs, whatever became of its name.
pub(crate) fn program_of(process: u32) -> PathBuf {
    PathBuf::from(format!("/proc/{process}/exe"))
}

/// The name of the C function for a tracepoint.
fn program_name(tracepoint: Tracepoint) -> String {
    match tracepoint.provider() {
        "net" | "validation" => tracepoint.probe().to_owned(),
        provider => format!("{provider}_{}", tracepoint.probe()),
    }
}

/// Sets what can be set before the program is loaded only.
fn configure(open: &mut OpenObject, options: &Options) -> Result<(), libbpf_rs::Error> {
    for mut map in open.maps_mut() {
        let name = map.name().to_string_lossy().into_owned();
        if name == "ring" {
            map.set_max_entries(options.ring_bytes)?;
        } else if name.ends_with(".rodata")
            && let Some(memory) = map.initial_value_mut()
        {
            memory.iter_mut().zip(config(&options.capture)).for_each(|(to, from)| *to = from);
        }
    }
    for mut program in open.progs_mut() {
        let name = program.name().to_string_lossy().into_owned();
        let wanted = options.tracepoints.iter().any(|tracepoint| program_name(tracepoint) == name);
        program.set_autoload(wanted);
    }
    Ok(())
}

/// `struct config` of the C program.
fn config(capture: &Capture) -> Vec<u8> {
    let limits: Vec<_> = capture.limits().take(MAX_LIMITS).collect();
    let mut config = Vec::new();
    config.extend(capture.others().to_ne_bytes());
    config.extend((limits.len() as u64).to_ne_bytes());
    for (message_type, bytes) in limits {
        config.extend(message_type);
        config.extend(bytes.to_ne_bytes());
    }
    config
}

fn said_by_libbpf(level: PrintLevel, text: String) {
    debug!("libbpf ({level:?}): {}", text.trim_end());
}
