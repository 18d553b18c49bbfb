//! Memory of batches that nobody needs any more, for the next ones.

use std::sync::{Arc, Weak};

use bytes::Bytes;
use parking_lot::Mutex;

/// Bytes that are kept: about as many as are on their way to a NATS server at full speed.
const KEPT: usize = 4 << 20;
/// Larger memory is not kept: it was for a block, and the next one is minutes away.
const LARGE: usize = 1 << 20;

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
        let mut free = self.0.lock();
        let buffer = free.buffers.pop().unwrap_or_default();
        free.bytes -= buffer.capacity();
        drop(free);
        // It is not made larger, which would copy what nobody needs. Powers of two fit for the next ones, too.
        if buffer.capacity() >= room { buffer } else { Vec::with_capacity(room.next_power_of_two()) }
    }

    /// What was written to such memory. When nobody has it any more, the memory is free again.
    pub(crate) fn lend(self: &Arc<Self>, bytes: Vec<u8>) -> Bytes {
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
        let mut buffer = spare.take(100);
        buffer.extend_from_slice(b"abc");
        let place = buffer.as_ptr();
        let (lent, part) = (spare.lend(buffer), |bytes: &Bytes| bytes.slice(1..));
        let part = part(&lent);
        drop(lent);
        assert_eq!(part, b"bc"[..]);
        let other = spare.take(100);
        assert_ne!(other.as_ptr(), place, "somebody still has it");
        drop(part);
        let again = spare.take(10);
        assert_eq!((again.as_ptr(), again.len()), (place, 0));
        let many: Vec<_> = (0..20).map(|_| spare.lend(spare.take(LARGE))).collect();
        drop(many);
        drop(spare.lend(Vec::with_capacity(LARGE + 1)));
        let free = spare.0.lock();
        assert_eq!((free.bytes, free.buffers.len()), (KEPT, KEPT / LARGE));
        assert_eq!(free.bytes, free.buffers.iter().map(Vec::capacity).sum::<usize>());
    }
}
