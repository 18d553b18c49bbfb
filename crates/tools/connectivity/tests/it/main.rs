//! The check against real nodes and against everything else that may listen at an address, on 127.0.0.0/8.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod budgets;
mod classes;
mod listeners;
mod proxies;
mod restart;

use std::path::Path;
use std::time::Duration;

use bus::counters::CONNECTIVITY_SKIPPED;
use bus::{Bus, Delivery, Publisher, Subscription, WhenFull};
use connectivity::{Connectivity, Limits, Options, Ranges, Rates};
use event::filter::Kinds;
use event::pb::bitcoin_primitives::address::Address as Named;
use event::pb::bitcoin_primitives::{Address, ConnType};
use event::pb::connectivity::connectivity::ConnectivityEvent;
use event::pb::connectivity::{Attempt, Connectivity as Event};
use event::pb::ebpf_extractor::Ebpf;
use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use event::pb::ebpf_extractor::message::message_event::Msg;
use event::pb::ebpf_extractor::message::{AddrV2, MessageEvent, Metadata};
use event::time::now_ns;
use event::{Body, Filter, Kind};
use node::Chain;
use reach::{Endpoint, Host};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Names of the node whose events these are.
const NODE: &str = "alice";
/// How long a result may take to come, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// What tests do not say otherwise: the lower half of 127.0.0.0/8 may be tried, as fast as possible.
fn options(dir: &Path) -> Options {
    Options {
        chain: Some(Chain::Regtest),
        ranges: Ranges { allow: vec!["127.0.0.0/9".parse().unwrap()], never: Vec::new() },
        rates: Rates { per_second: 10_000.0, group_per_minute: 600_000.0, asn_per_minute: 600_000.0 },
        concurrent: 256,
        limits: Limits { handshake: Duration::from_secs(5), ..Limits::default() },
        ..Options::new(dir.join("connectivity.db"))
    }
}

/// The check at work, on a bus of its own.
struct Check {
    bus: Bus,
    tracepoints: Publisher,
    results: Subscription,
    shutdown: CancellationToken,
    running: JoinHandle<()>,
}

impl Check {
    fn start(options: Options) -> Self {
        let bus = Bus::new();
        let attempts = Filter { kinds: vec![Kinds::One(Kind::Attempt)], ..Filter::default() };
        let results = bus.subscribe("results", attempts, 1 << 20, WhenFull::Block);
        let events = bus.subscribe("connectivity", Filter::default(), 1 << 16, WhenFull::Block);
        let shutdown = CancellationToken::new();
        let to = bus.clone();
        let publishers = move |node: &str| Publisher::new(&to, node, "connectivity");
        let running = Connectivity::open(options).unwrap().run(events, publishers, shutdown.clone());
        let tracepoints = Publisher::new(&bus, NODE, "ebpf");
        Self { bus, tracepoints, results, shutdown, running: tokio::spawn(running) }
    }

    /// A peer gossips addresses, in messages of a thousand.
    async fn gossip(&self, peer: u64, addr: &str, addresses: &[Endpoint]) {
        for part in addresses.chunks(1_000) {
            let addresses: Vec<_> = part.iter().map(|endpoint| address(endpoint, 0)).collect();
            self.tracepoints.publish(now_ns(), addrv2(peer, addr, addresses)).await;
        }
    }

    /// The next results.
    async fn results(&mut self, count: usize) -> Vec<Attempt> {
        let mut attempts = Vec::new();
        while attempts.len() < count {
            let waited = timeout(PATIENCE, self.results.next_many()).await;
            for item in waited.unwrap_or_else(|_| panic!("{attempts:?} of {count} results came")) {
                if let Delivery::Event(record) = item {
                    let Some(Body::Connectivity(Event {
                        connectivity_event: Some(ConnectivityEvent::Attempt(attempt)),
                    })) = record.body()
                    else {
                        panic!("{record:?}");
                    };
                    assert_eq!(&*record.envelope().node, NODE);
                    attempts.push(attempt.clone());
                }
            }
        }
        attempts
    }

    /// Addresses that were not tried for this reason.
    fn skipped(&self, reason: &str) -> u64 {
        self.bus.accounts().count(&CONNECTIVITY_SKIPPED, [NODE, reason]).get() as u64
    }

    /// Waits until so many were not tried for this reason.
    async fn wait_until_skipped(&self, reason: &str, count: u64) {
        let look = || async { (self.skipped(reason) >= count).then_some(()) };
        testbed::eventually(reason, PATIENCE, look).await.unwrap();
    }

    /// Ends it as the program does. Returns how long that took.
    async fn stop(self) -> Duration {
        let start = std::time::Instant::now();
        self.shutdown.cancel();
        self.bus.end();
        timeout(PATIENCE, self.running).await.unwrap().unwrap();
        start.elapsed()
    }
}

/// An address as it is gossiped.
fn address(endpoint: &Endpoint, services: u64) -> Address {
    let text = endpoint.host.to_string();
    let named = match endpoint.host {
        Host::Ipv4(_) => Named::Ipv4(text),
        Host::Ipv6(_) => Named::Ipv6(text),
        Host::Cjdns(_) => Named::Cjdns(text),
        Host::Onion(_) => Named::Torv3(text),
        Host::I2p(_) => Named::I2p(text),
        Host::Name(_) => panic!("{text}"),
    };
    Address { timestamp: 1_700_000_000, services, port: endpoint.port.into(), address: Some(named) }
}

fn addrv2(peer: u64, addr: &str, addresses: Vec<Address>) -> Body {
    let meta = Metadata {
        peer_id: peer,
        addr: addr.to_owned(),
        conn_type: ConnType::Inbound.into(),
        command: "addrv2".to_owned(),
        inbound: true,
        size: 1,
        conn_type_name: None,
        captured: None,
    };
    let message = MessageEvent { meta, msg: Some(Msg::Addrv2(AddrV2 { addresses })) };
    Body::EbpfExtractor(Ebpf { ebpf_event: Some(EbpfEvent::Message(message)) })
}

/// The endpoint of an attempt.
fn endpoint(attempt: &Attempt) -> Endpoint {
    let host = match attempt.address.address.as_ref().unwrap() {
        Named::Ipv4(host) | Named::Ipv6(host) | Named::Cjdns(host) | Named::Torv3(host) | Named::I2p(host) => host,
        other => panic!("{other:?}"),
    };
    Endpoint::new(host, u16::try_from(attempt.address.port).unwrap()).unwrap()
}

/// An address of the lower half of 127.0.0.0/8 by its number, all over its /16 networks.
fn loopback(number: u32) -> [u8; 4] {
    let [_, _, high, low] = (number / 100).to_be_bytes();
    [127, 1 + (number % 100) as u8, high, low.max(1)]
}
