//! Loads the C program into the kernel and attaches it to the tracepoints of node programs.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use decode::tracepoint::Tracepoint;
use libbpf_rs::{Link, MapCore, Object, ObjectBuilder, OpenObject, PrintLevel};
use tracing::debug;
use zerocopy::IntoBytes;

use crate::error::Error;
use crate::notes::tracepoints_of;
use crate::options::{Capture, Options, Selection};
use crate::ring::Ring;
use crate::shared::Map;
use crate::shared::layout::{Config, LIMITS, Limit};

/// The compiled program.
const OBJECT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/tracepoints.bpf.o"));

/// Program files that stay attached; older ones were replaced by upgrades.
const MAX_PROGRAMS: usize = 16;

/// Device and inode of a file, whatever its name.
pub(crate) type Identity = (u64, u64);

/// The program in the kernel, and where it is attached. Dropping it detaches it.
///
/// Loading takes privileges, attaching too before Linux 6.6; [`Tracer::load`] and the first [`Tracer::attach`] are for the start of the
/// program, so that privileges can be dropped before anything else begins.
pub struct Tracer {
    /// It stands before the object, so that it is dropped before it: detaching uses what belongs to the object.
    attached: Vec<Attached>,
    /// None if other memory than the kernel's is read.
    object: Option<Object>,
    selection: Selection,
    /// How long events may wait before they are read.
    pub(crate) latency: Duration,
    /// The start is over.
    late: bool,
    pub(crate) ring: Ring,
    pub(crate) shared: Map,
}

/// A program file whose tracepoints are attached.
struct Attached {
    id: Identity,
    /// Tracepoints stay attached as long as these live.
    _links: Vec<Link>,
}

/// The outcome of attaching.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// The program file had been attached before.
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
    /// The kernel does not allow it, or lacks something. The text says what that is, and what would help.
    pub fn load(options: &Options) -> Result<Self, Error> {
        libbpf_rs::set_print(Some((PrintLevel::Debug, log_libbpf)));
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
        let tracer = Self::over(ring.as_fd(), ring.max_entries() as usize, map(".bss")?.as_fd())?;
        let (selection, latency) = (options.tracepoints.clone(), options.latency);
        Ok(Self { object: Some(object), selection, latency, ..tracer })
    }

    /// A tracer that reads other memory than the kernel's, as tests have it. It cannot be attached. `ring` is laid out as the kernel's ring buffers
    /// are: a page with the position up to which it was read, a page with the position up to which it was written, and `size` bytes of data; `shared`
    /// is laid out as the C program's `struct shared`.
    ///
    /// # Errors
    /// The memory can't be mapped.
    pub fn over(ring: BorrowedFd, size: usize, shared: BorrowedFd) -> Result<Self, Error> {
        let ring = Ring::map(ring, size).map_err(Error::Memory)?;
        let shared = Map::new(shared).map_err(Error::Memory)?;
        let Options { tracepoints: selection, latency, .. } = Options::default();
        Ok(Self { attached: Vec::new(), object: None, selection, latency, late: false, ring, shared })
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
        // That a program lacks what is in no release is no news.
        let missing = missing.into_iter().filter(|t| !t.is_proposed()).collect();
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
            let mut programs = self.object.iter().flat_map(Object::progs_mut);
            let program = programs.find(|program| program.name() == name.as_str());
            let program = program.ok_or_else(|| wrong(format!("the tracepoint program has no function {name}")))?;
            let link = program.attach_usdt(-1, path, tracepoint.provider(), tracepoint.probe());
            links.push(link.map_err(|error| Error::attach(path, tracepoint, error, self.late))?);
        }
        if self.attached.len() >= MAX_PROGRAMS {
            self.attached.remove(0);
        }
        self.attached.push(Attached { id, _links: links });
        Ok(attachment)
    }

    /// Notes that the start is over, and privileges may be gone.
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

/// The inode of the machine's own PID namespace: `PROC_PID_INIT_INO` of Linux.
const INITIAL_PID_NAMESPACE: u64 = 0xeffffffc;

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

/// Sets what can only be set before the program is loaded.
fn configure(open: &mut OpenObject, options: &Options) -> Result<(), libbpf_rs::Error> {
    for mut map in open.maps_mut() {
        let name = map.name().to_string_lossy().into_owned();
        if name == "ring" {
            map.set_max_entries(options.ring_bytes)?;
        } else if name.ends_with(".rodata")
            && let Some(memory) = map.initial_value_mut()
        {
            memory.iter_mut().zip(config(&options.capture).as_bytes()).for_each(|(to, from)| *to = *from);
        }
    }
    for mut program in open.progs_mut() {
        let name = program.name().to_string_lossy().into_owned();
        let wanted = options.tracepoints.iter().any(|tracepoint| program_name(tracepoint) == name);
        program.set_autoload(wanted);
    }
    Ok(())
}

/// What the C program is to capture, as it has it.
fn config(capture: &Capture) -> Config {
    let (pid_ns_dev, pid_ns_ino) = pid_namespace().unwrap_or_default();
    let mut config = Config {
        default_limit: capture.others(),
        limit_count: 0,
        limits: [const { Limit { message_type: [0; 2], bytes: 0 } }; LIMITS],
        pid_ns_dev,
        pid_ns_ino,
    };
    for (slot, (message_type, bytes)) in config.limits.iter_mut().zip(capture.limits()) {
        slot.message_type.as_mut_bytes().iter_mut().zip(message_type.bytes()).for_each(|(to, from)| *to = from);
        slot.bytes = bytes;
        config.limit_count += 1;
    }
    config
}

/// The device, as the kernel has it, and the inode of our PID namespace; none if it is that of the machine, or is not known.
fn pid_namespace() -> Option<(u64, u64)> {
    let metadata = fs::metadata("/proc/self/ns/pid").ok()?;
    let (dev, ino) = (metadata.dev(), metadata.ino());
    let kernel_dev = u64::from(rustix::fs::major(dev)) << 20 | u64::from(rustix::fs::minor(dev));
    (ino != INITIAL_PID_NAMESPACE).then_some((kernel_dev, ino))
}

fn log_libbpf(level: PrintLevel, text: String) {
    debug!("libbpf ({level:?}): {}", text.trim_end());
}
