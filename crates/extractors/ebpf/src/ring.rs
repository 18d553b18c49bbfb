//! The reading end of the kernel's ring buffer.
//!
//! libbpf has one too. It maps the data twice, which counts twice as memory of this process, and it does not show positions, by which losses find their
//! place among the events.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use rustix::param::page_size;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Bit of a record's length: the record is still being written.
const BUSY: u32 = 1 << 31;
/// Bit of a record's length: the record was given up.
const DISCARDED: u32 = 1 << 30;
/// Bytes before each record: its length, and a number for the kernel.
const HEADER: usize = 8;

/// A ring buffer map, read by this process alone.
pub(crate) struct Ring {
    fd: OwnedFd,
    /// One page: how far we have read.
    consumer: Mapping,
    /// One page, how far the kernel has written; then the data.
    producer: Mapping,
    size: usize,
    position: u64,
    /// Bytes of the record that is being read, with its header.
    current: usize,
    /// The position that the kernel knows.
    given_back: u64,
    /// A record that goes over the end of the data, put together. It is of 8-byte words, so that it is aligned as in the ring.
    joined: Vec<u64>,
}

// SAFETY: the mappings belong to the ring alone; nothing of them is tied to a thread.
unsafe impl Send for Ring {}

impl Ring {
    /// Maps the ring of `size` bytes.
    ///
    /// # Errors
    /// Those of mmap.
    pub(crate) fn map(fd: BorrowedFd, size: usize) -> io::Result<Self> {
        let page = page_size();
        let consumer = Mapping::new(fd, page, ProtFlags::READ | ProtFlags::WRITE, 0)?;
        let producer = Mapping::new(fd, page + size, ProtFlags::READ, page as u64)?;
        let fd = fd.try_clone_to_owned()?;
        let mut ring =
            Self { fd, consumer, producer, size, position: 0, current: 0, given_back: 0, joined: Vec::new() };
        ring.position = ring.consumer_position().load(Ordering::Acquire);
        ring.given_back = ring.position;
        Ok(ring)
    }

    /// How far the kernel has reserved, in bytes since the beginning.
    pub(crate) fn written(&self) -> u64 {
        // SAFETY: the first word of the second page is the kernel's position; it is aligned, and written atomically.
        unsafe { &*self.producer.start.as_ptr().cast::<AtomicU64>() }.load(Ordering::Acquire)
    }

    /// How far it was read, in bytes since the beginning.
    pub(crate) fn read(&self) -> u64 {
        self.position
    }

    /// How many bytes it holds.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    fn consumer_position(&self) -> &AtomicU64 {
        // SAFETY: the first word of the first page is our position; it is aligned, and read atomically by the kernel.
        unsafe { &*self.consumer.start.as_ptr().cast::<AtomicU64>() }
    }

    /// Where the data begins that has this offset.
    fn data(&self, offset: usize) -> *const u8 {
        // SAFETY: the data comes after the first page of this mapping, and callers stay below `size`.
        unsafe { self.producer.start.as_ptr().add(page_size() + (offset & (self.size - 1))) }
    }

    /// The next record, if it is complete and ends before `until`, up to which the kernel had written. It stays in the ring until [`Self::pass`].
    pub(crate) fn next(&mut self, until: u64) -> Option<&[u8]> {
        while self.position < until {
            let offset = (self.position as usize) & (self.size - 1);
            // SAFETY: records begin at multiples of 8, so the header does not go over the end.
            let header = unsafe { &*self.data(offset).cast::<AtomicU32>() }.load(Ordering::Acquire);
            if header & BUSY != 0 {
                break;
            }
            let length = ((header & !DISCARDED) as usize).min(self.size - HEADER);
            self.current = (length + HEADER).next_multiple_of(HEADER);
            if header & DISCARDED != 0 {
                self.pass();
                continue;
            }
            let at = (offset + HEADER) & (self.size - 1);
            if at + length > self.size {
                return Some(self.join(at, length));
            }
            // SAFETY: within the data; the kernel leaves a complete record alone until our position has passed it.
            return Some(unsafe { std::slice::from_raw_parts(self.data(at), length) });
        }
        None
    }

    /// Goes on behind the record that [`Self::next`] returned. The kernel gets its room back after a while, and by [`Self::give_back`]: the node's thread
    /// looks at the position whenever it fires a tracepoint, and waits for our processor if it has changed.
    pub(crate) fn pass(&mut self) {
        self.position += std::mem::take(&mut self.current) as u64;
        if self.position - self.given_back >= self.size as u64 / 256 {
            self.give_back();
        }
    }

    /// Gives back the room of all that was passed.
    pub(crate) fn give_back(&mut self) {
        if self.given_back != self.position {
            self.given_back = self.position;
            self.consumer_position().store(self.position, Ordering::Release);
        }
    }

    /// The record that goes over the end, in one piece.
    fn join(&mut self, at: usize, length: usize) -> &[u8] {
        let first = self.size - at;
        self.joined.clear();
        self.joined.resize(length.div_ceil(8), 0);
        let to = self.joined.as_mut_ptr().cast::<u8>();
        // SAFETY: `joined` has room for `length` bytes, and both parts are within the data.
        unsafe {
            ptr::copy_nonoverlapping(self.data(at), to, first);
            ptr::copy_nonoverlapping(self.data(0), to.add(first), length - first);
            std::slice::from_raw_parts(to, length)
        }
    }

    /// What becomes readable when the kernel wakes us. None if that cannot be awaited, as of memory that is not the kernel's. On a Tokio runtime.
    pub(crate) fn wakes(&self) -> io::Result<Option<AsyncFd<OwnedFd>>> {
        match awaited(self.fd.try_clone()?) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(None),
            wakes => wakes.map(Some),
        }
    }
}

/// A descriptor, to wait until it is readable. On a Tokio runtime.
pub(crate) fn awaited(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: the descriptor stays the same and open as long as the `OwnedFd` lives.
    Ok(unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) }?)
}

/// Memory that is shared with the kernel. It is unmapped when dropped.
pub(crate) struct Mapping {
    pub(crate) start: NonNull<u8>,
    length: usize,
}

impl Mapping {
    /// Maps `length` bytes of `fd` from `offset` on.
    pub(crate) fn new(fd: BorrowedFd, length: usize, access: ProtFlags, offset: u64) -> io::Result<Self> {
        // SAFETY: a new mapping at a place that the kernel chooses.
        let start = unsafe { mmap(ptr::null_mut(), length, access, MapFlags::SHARED, fd, offset) }?;
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { start, length })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: it was mapped with this length, and nothing refers to it any more.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.length) };
    }
}
