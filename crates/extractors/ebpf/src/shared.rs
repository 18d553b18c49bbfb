//! What is shared with the program in the kernel: counts, and what we tell it. `struct shared` in bpf/record.h.
#![allow(unsafe_code)]

use std::io;
use std::ops::Deref;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

use decode::tracepoint::Tracepoint;
use rustix::mm::ProtFlags;
use rustix::param::page_size;

use crate::ring::Mapping;

/// Slots for processes.
pub(crate) const PROCESSES: usize = 64;
/// Slots in which one process may be.
const PROBES: usize = 8;

/// Counts of one tracepoint: `seen` events are in the ring, or `dropped` for want of room there, or a `fault`.
#[repr(C)]
#[derive(Debug, Default)]
pub(crate) struct Count {
    pub(crate) seen: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) fault: AtomicU64,
    pub(crate) unread: AtomicU64,
}

impl Count {
    /// Events that did not get into the ring.
    pub(crate) fn lost(&self) -> u64 {
        self.dropped.load(Ordering::Acquire) + self.fault.load(Ordering::Acquire)
    }
}

/// A process of an observed program.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Process {
    tgid: AtomicU32,
    ignored: AtomicU32,
    lost: AtomicU64,
}

/// `struct shared`.
#[repr(C)]
pub(crate) struct Shared {
    want_wake: AtomicU32,
    ignoring: AtomicU32,
    lost_elsewhere: AtomicU64,
    pub(crate) counts: [Count; Tracepoint::ALL.len()],
    processes: [Process; PROCESSES],
}

const _: () = assert!(size_of::<Shared>() == 16 + 16 * 32 + 64 * 16);

impl Shared {
    /// Asks to be woken at the next event. What was written before is to be read after this, before sleeping.
    pub(crate) fn want_wake(&self) {
        self.want_wake.store(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }

    /// Tells the kernel to leave the events of a process out. False if there is no slot for it.
    pub(crate) fn ignore(&self, tgid: u32) -> bool {
        let claim = |process: &&Process| {
            let free = process.tgid.compare_exchange(0, tgid, Ordering::AcqRel, Ordering::Acquire);
            free.is_ok() || free == Err(tgid)
        };
        let Some(process) = self.slots(tgid).find(claim) else { return false };
        process.ignored.store(1, Ordering::Release);
        self.ignoring.store(1, Ordering::Release);
        true
    }

    /// Gives the slot of a process that has ended to others.
    pub(crate) fn forget(&self, tgid: u32) {
        if let Some(process) = self.slots(tgid).find(|process| process.tgid.load(Ordering::Acquire) == tgid) {
            process.ignored.store(0, Ordering::Release);
            process.lost.store(0, Ordering::Release);
            process.tgid.store(0, Ordering::Release);
        }
    }

    /// Events that were lost so far, by process.
    pub(crate) fn lost(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        let processes = self.processes.iter().map(|p| (p.tgid.load(Ordering::Acquire), p.lost.load(Ordering::Acquire)));
        processes.filter(|(tgid, lost)| *tgid != 0 && *lost > 0)
    }

    /// Events that were lost of processes that found no slot.
    pub(crate) fn lost_elsewhere(&self) -> u64 {
        self.lost_elsewhere.load(Ordering::Acquire)
    }

    fn slots(&self, tgid: u32) -> impl Iterator<Item = &Process> {
        let hash = (tgid.wrapping_mul(2_654_435_761) >> 16) as usize;
        (0..PROBES).filter_map(move |probe| self.processes.get((hash + probe) % PROCESSES))
    }
}

/// The shared memory.
pub(crate) struct Map(Mapping);

// SAFETY: all that is in there is atomic.
unsafe impl Send for Map {}

impl Map {
    /// Maps it.
    ///
    /// # Errors
    /// Those of mmap.
    pub(crate) fn new(fd: BorrowedFd) -> io::Result<Self> {
        let length = size_of::<Shared>().next_multiple_of(page_size());
        Mapping::new(fd, length, ProtFlags::READ | ProtFlags::WRITE, 0).map(Self)
    }
}

impl Deref for Map {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        // SAFETY: the mapping is as long as the structure at least, aligned to a page, and all of it is atomic.
        unsafe { self.0.start.cast().as_ref() }
    }
}
