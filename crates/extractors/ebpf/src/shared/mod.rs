//! The memory that is shared with the program in the kernel: its counts, and what it is asked to do.
#![allow(unsafe_code)]

macro_rules! structures {
    ($derive:meta $(
        $(#[$doc:meta])* $name:ident $size:literal { $($(#[$field_doc:meta])* $field:ident: $type:ty,)+ }
    )+) => {$(
        $(#[$doc])*
        #[$derive]
        #[repr(C)]
        pub(crate) struct $name {
            $($(#[$field_doc])* pub(crate) $field: $type,)+
        }

        // No padding: each field begins where the one before it ends, as the C types assert too.
        const _: () = {
            let mut end = 0;
            $(
                assert!(std::mem::offset_of!($name, $field) == end);
                end += size_of::<$type>();
            )+
            assert!(end == $size && size_of::<$name>() == $size);
        };
    )+};
}
macro_rules! shared {
    ($($list:tt)+) => { structures! { derive() $($list)+ } };
}
macro_rules! config {
    ($($list:tt)+) => { structures! { derive(zerocopy::IntoBytes, zerocopy::Immutable) $($list)+ } };
}

pub(crate) mod layout;

use std::io;
use std::ops::Deref;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{Ordering, fence};

use decode::tracepoint::PerTracepoint;
use rustix::mm::ProtFlags;
use rustix::param::page_size;

use self::layout::{Count, PROCESS_PROBES, PROCESSES, Process, Shared};
use crate::ring::Mapping;

impl Count {
    /// Events that did not get into the ring.
    pub(crate) fn lost(&self) -> u64 {
        self.dropped.load(Ordering::Acquire) + self.fault.load(Ordering::Acquire)
    }
}

impl Shared {
    /// Asks to be woken at the next event. Records that were written before this are to be read after it, and before sleeping.
    pub(crate) fn want_wake(&self) {
        self.want_wake.store(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }

    /// Makes the kernel leave out the events of a process. Returns false if there is no slot for it.
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

    /// Frees the slot of a process that has ended.
    pub(crate) fn forget(&self, tgid: u32) {
        if let Some(process) = self.slots(tgid).find(|process| process.tgid.load(Ordering::Acquire) == tgid) {
            process.ignored.store(0, Ordering::Release);
            process.lost.store(0, Ordering::Release);
            process.tgid.store(0, Ordering::Release);
        }
    }

    /// The processes that lost events so far, and how many each lost.
    pub(crate) fn lost(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        let processes = self.processes.iter().map(|p| (p.tgid.load(Ordering::Acquire), p.lost.load(Ordering::Acquire)));
        processes.filter(|(tgid, lost)| *tgid != 0 && *lost > 0)
    }

    /// Events that were lost by processes that found no slot.
    pub(crate) fn lost_elsewhere(&self) -> u64 {
        self.lost_elsewhere.load(Ordering::Acquire)
    }

    fn slots(&self, tgid: u32) -> impl Iterator<Item = &Process> {
        let hash = (tgid.wrapping_mul(2_654_435_761) >> 16) as usize;
        (0..PROCESS_PROBES).filter_map(move |probe| self.processes.get((hash + probe) % PROCESSES))
    }
}

/// The shared memory, mapped into this process.
pub(crate) struct Map(Mapping);

// SAFETY: all that is in there is atomic.
unsafe impl Send for Map {}

impl Map {
    /// Maps the memory behind `fd`.
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
