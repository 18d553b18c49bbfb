//! Records that cannot be decoded, in memory that stands for the kernel's. Needs no privileges.

use std::os::fd::{AsFd, OwnedFd};

use bus::counters::TRACEPOINT_EVENTS;
use bus::{Bus, Delivery, Publisher, Reason, WhenFull};
use event::{Filter, Kind};
use extractor_ebpf::{Nodes, Observed, Tracepoint, Tracer};
use node::Target;
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::io::pwrite;
use rustix::param::page_size;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::PATIENCE;

const RING_BYTES: usize = 1 << 16;

/// A kernel that counts hits of tracepoints and writes records.
struct FakeKernel {
    ring: OwnedFd,
    shared: OwnedFd,
    written: u64,
    seen: [u64; Tracepoint::COUNT],
}

impl FakeKernel {
    fn new() -> Self {
        let memory = |bytes: usize| {
            let memory = memfd_create("fake-kernel", MemfdFlags::CLOEXEC).unwrap();
            ftruncate(&memory, bytes as u64).unwrap();
            memory
        };
        let (ring, shared) = (memory(2 * page_size() + RING_BYTES), memory(page_size()));
        Self { ring, shared, written: 0, seen: [0; Tracepoint::COUNT] }
    }

    /// Counts a hit of a tracepoint, and writes a record of it with this head and these bytes after it.
    fn hit(&mut self, tracepoint: Tracepoint, named: u32, process: u32, body: &[u8]) {
        let mut record = 1_000_u64.to_ne_bytes().to_vec();
        record.extend([process.to_ne_bytes(), named.to_ne_bytes()].concat());
        record.extend(body);
        self.write(tracepoint, &record);
    }

    fn write(&mut self, tracepoint: Tracepoint, record: &[u8]) {
        let index = tracepoint as usize;
        self.seen[index] += 1;
        // `seen` is the first of the four counts of each tracepoint, which begin after 16 bytes.
        pwrite(&self.shared, &self.seen[index].to_ne_bytes(), 16 + 32 * index as u64).unwrap();
        let page = page_size() as u64;
        let mut bytes = u64::from(record.len() as u32).to_ne_bytes().to_vec();
        bytes.extend(record);
        pwrite(&self.ring, &bytes, 2 * page + self.written).unwrap();
        self.written += bytes.len().next_multiple_of(8) as u64;
        pwrite(&self.ring, &self.written.to_ne_bytes(), page).unwrap();
    }
}

/// Every hit is published, or counted with what became of it, and a record that cannot be decoded leaves a gap in its place.
#[tokio::test(flavor = "multi_thread")]
async fn every_hit_is_accounted_for() {
    testbed::log::keep();
    let mut kernel = FakeKernel::new();
    let us = std::process::id();
    let (added, rejected) = (Tracepoint::MempoolAdded, Tracepoint::MempoolRejected);
    let transaction = [7; 48];
    for _ in 0..3 {
        kernel.hit(added, added as u32, us, &transaction);
    }
    // Too short for its tracepoint; of a tracepoint that there is not; too short to have a head.
    kernel.hit(rejected, rejected as u32, us, &[1; 40]);
    kernel.hit(added, 99, us, &transaction);
    kernel.write(added, &[1; 8]);
    // A process that is not observed.
    let other = std::os::unix::process::parent_id();
    kernel.hit(added, added as u32, other, &transaction);
    kernel.hit(added, 99, other, &transaction);
    kernel.hit(rejected, rejected as u32, other, &[1; 40]);
    // A message that claims more bytes than there are.
    let mut message = vec![0; 192];
    message[16..24].copy_from_slice(&1_000_u64.to_ne_bytes());
    kernel.hit(Tracepoint::InboundMessage, 0, us, &message);
    kernel.hit(added, added as u32, us, &transaction);

    let tracer = Tracer::over(kernel.ring.as_fd(), RING_BYTES, kernel.shared.as_fd()).unwrap();
    let bus = Bus::new();
    let mut reader = bus.subscribe("test", Filter::default(), 1_000, WhenFull::Block);
    let publisher = Publisher::new(&bus, "alice", "ebpf");
    let target = Target { pid: Some(us), ..Target::default() };
    let nodes = Nodes::These(vec![Observed { target, publisher: publisher.clone() }]);
    let stop = CancellationToken::new();
    let task = tokio::spawn(extractor_ebpf::run(tracer, nodes, stop.clone()));
    let mut sequences = Vec::new();
    while sequences.len() < 4 {
        match timeout(PATIENCE, reader.next()).await.unwrap() {
            Some(Delivery::Event(record)) if record.envelope().kind == Kind::MempoolAdded => {
                sequences.push(record.envelope().sequence);
            }
            Some(Delivery::Event(record)) => assert_eq!(record.envelope().kind, Kind::Status),
            other => panic!("{other:?}"),
        }
    }
    stop.cancel();
    timeout(PATIENCE, task).await.unwrap().unwrap().unwrap();
    assert_eq!(sequences, [1, 2, 3, 8], "four records that were not decoded are missing");

    let accounts = bus.accounts();
    let count = |tracepoint, result| accounts.count(&TRACEPOINT_EVENTS, [tracepoint, result]).get() as u64;
    for (tracepoint, seen, published, undecodable, of_others) in [
        (added.name(), 8, 4, 0, 1),
        (rejected.name(), 2, 0, 1, 1),
        ("net:inbound_message", 1, 0, 1, 0),
        ("unknown", 0, 0, 2, 1),
    ] {
        let counts = ["seen", "published", "undecodable", "of_others"].map(|result| count(tracepoint, result));
        assert_eq!(counts, [seen, published, undecodable, of_others], "{tracepoint}");
    }
    let stage = accounts.stage("tracepoints");
    assert_eq!((stage.events_in(), stage.events_out(), stage.dropped(Reason::Undecodable)), (8, 4, 4));
    assert_eq!(stage.events_in(), stage.events_out() + stage.dropped_total());
    assert_eq!(testbed::log::lines(&["WARN", "counted as undecodable (logged once)"]).len(), 1);
}
