//! The one list of what the C program in the kernel and this one have in common besides the records of the ring.
//!
//! The Rust types follow from it by the macros in `mod.rs`, beside this file. The C types follow from it by `build/header.rs`, which reads this
//! same file with macros of its own. Both assert the offset of every field, so the two sides cannot drift apart. The number after a name is the
//! structure's size in bytes.

use std::sync::atomic::{AtomicU32, AtomicU64};

use super::PerTracepoint;

/// The largest payload that can be captured, in bytes: above Bitcoin Core's MAX_PROTOCOL_MESSAGE_LENGTH of 4,000,000.
pub(crate) const MAX_PAYLOAD: u64 = 4 << 20;
/// How many message types may have a limit of their own.
pub(crate) const LIMITS: usize = 64;
/// Slots for processes; a power of two.
pub(crate) const PROCESSES: usize = 64;
/// Slots in which one process may be.
pub(crate) const PROCESS_PROBES: usize = 8;

shared! {
    /// The counts of one tracepoint. Of the events that were seen, each is in the ring, or it was dropped, or it is a fault.
    Count 32 {
        /// Hits of the tracepoint.
        seen: AtomicU64,
        /// Events that were lost because the ring was full.
        dropped: AtomicU64,
        /// Events that were lost because something that the tracepoint points to could not be read.
        fault: AtomicU64,
        /// Events in the ring whose payload could not be read.
        unread: AtomicU64,
    }
    /// A process that runs an observed program.
    Process 16 {
        /// Its id; 0 if the slot is free.
        tgid: AtomicU32,
        /// 1: user space does not want its events.
        ignored: AtomicU32,
        /// Its dropped and faulty events.
        lost: AtomicU64,
    }
    /// The memory that both sides write to.
    Shared 1616 {
        /// 1: user space is about to sleep.
        want_wake: AtomicU32,
        /// 1: some process is ignored.
        ignoring: AtomicU32,
        /// Dropped and faulty events of processes that found no slot.
        lost_elsewhere: AtomicU64,
        /// By tracepoint.
        counts: PerTracepoint<Count>,
        /// A hash table by process id.
        processes: [Process; PROCESSES],
    }
}

config! {
    /// How much of the payloads of one message type is captured.
    Limit 24 {
        /// The message type, padded with NULs.
        message_type: [u64; 2],
        /// Bytes.
        bytes: u64,
    }
    /// What user space decides before the program is loaded.
    Config 1568 {
        /// Bytes of the payloads of types that are not listed.
        default_limit: u64,
        /// How many of the limits are in use.
        limit_count: u64,
        /// The limits.
        limits: [Limit; LIMITS],
        /// The PID namespace (`pid_namespaces(7)`) whose process ids are wanted, as in a container: the device and inode of its
        /// file. 0: that of the machine, as the kernel's own ids are.
        pid_ns_dev: u64,
        /// See there.
        pid_ns_ino: u64,
    }
}
