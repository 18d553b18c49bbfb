//! Memory of batches that nobody needs any more, for the next ones.

use std::sync::{Arc, Weak};

use bytes::Bytes;
use parking_lot::Mutex;

/// Bytes that are kept: for as many as are on their way to a NATS server at full speed, with the room that batches leave.
const KEPT: usize = 8 << 20;
/// Larger memory is not kept: it was for a block, and the next one is minutes away.
const LARGE: usize = 2 << 20;
/// What is not longer than this gets memory of its own: it may have to wait for a server for long, and would keep much more than it needs.
const SMALL: usize = 16 << 10;
/// New memory is a multiple of this, and not less, so that it fits for the next ones, too.
const STEP: usize = 64 << 10;

/// Memory for batches. Asking the allocator each time costs page faults, since it gives back to the system what is large and free.
#[derive(Debug, Default)]
pub(crate) struct Spare(Mutex<Free>);

#[derive(Debug, Default)]
struct Free {
    buffers: Vec<Vec<u8>>,
    bytes: usize,
}

impl Spare {
    /// Empty memory with room for so many bytes.
    pub(crate) fn take(&self, room: usize) -> Vec<u8> {
        let room = room.max(STEP);
        let mut free = self.0.lock();
        let buffer = free.buffers.pop().unwrap_or_default();
        free.bytes -= buffer.capacity();
        drop(free);
        // It is not made larger, which would copy what nobody needs.
        if buffer.capacity() >= room { buffer } else { Vec::with_capacity(room.next_multiple_of(STEP)) }
    }

    /// What was written to such memory. When nobody has it any more, the memory is free again.
    pub(crate) fn lend(self: &Arc<Self>, bytes: Vec<u8>) -> Bytes {
        if bytes.len() <= SMALL {
            let small = Bytes::copy_from_slice(&bytes);
            self.put_back(bytes);
            return small;
        }
        Bytes::from_owner(Lent { bytes, of: Arc::downgrade(self) })
    }

    fn put_back(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        let mut free = self.0.lock();
        if buffer.capacity() <= LARGE && free.bytes + buffer.capacity() <= KEPT {
            free.bytes += buffer.capacity();
            free.buffers.push(buffer);
        }
    }
}

struct Lent {
    bytes: Vec<u8>,
    of: Weak<Spare>,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(spare) = self.of.upgrade() {
            spare.put_back(std::mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_used_again_within_bounds() {
        let spare = Arc::new(Spare::default());
        let mut buffer = spare.take(SMALL + 1);
        let place = buffer.as_ptr();
        buffer.extend_from_slice(b"abc");
        assert_eq!(spare.lend(buffer), b"abc"[..]);
        let mut buffer = spare.take(SMALL + 1);
        assert_eq!(buffer.as_ptr(), place, "what is small has memory of its own");
        buffer.resize(SMALL + 1, 7);
        let lent = spare.lend(buffer);
        let part = lent.slice(SMALL..);
        drop(lent);
        assert_eq!(part, [7][..]);
        let other = spare.take(100);
        assert_ne!(other.as_ptr(), place, "somebody still has it");
        drop(part);
        let again = spare.take(10);
        assert_eq!((again.as_ptr(), again.len()), (place, 0));
        let written = |mut buffer: Vec<u8>| {
            buffer.resize(SMALL + 1, 7);
            spare.lend(buffer)
        };
        let many: Vec<_> = (0..20).map(|_| written(spare.take(LARGE))).collect();
        drop(many);
        drop(written(Vec::with_capacity(LARGE + 1)));
        let free = spare.0.lock();
        assert_eq!((free.bytes, free.buffers.len()), (KEPT, KEPT / LARGE));
        assert_eq!(free.bytes, free.buffers.iter().map(Vec::capacity).sum::<usize>());
    }
}
