//! The extractor against real nodes, and against what pretends to be one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod complete;
mod pretenders;
mod refused;
mod ways;

use std::net::SocketAddr;
use std::time::Duration;

use bus::{Bus, Delivery, Publisher, Subscription, WhenFull};
use event::pb::observer::node_state::State;
use event::pb::observer::observer::ObserverEvent;
use event::pb::p2p_extractor::p2p::P2pEvent;
use event::{Body, Filter};
use extractor_p2p::{Listener, Options, Ways};
use node::{Chain, HostPort, Target};
use testbed::Node;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long to wait for what must happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// An extractor that runs.
struct Observed {
    bus: Bus,
    events: Subscription,
    shutdown: CancellationToken,
    task: JoinHandle<Result<(), extractor_p2p::Error>>,
}

impl Observed {
    /// For a node of the testbed, whose files it may read.
    fn start(node: &Node, ways: Ways) -> Self {
        Self::of(Target { datadir: Some(node.datadir().to_owned()), ..Target::default() }, ways)
    }

    /// For a node of which nothing but its address is known.
    fn by_address(address: SocketAddr) -> Self {
        let address = HostPort::new(address.ip().to_string(), address.port());
        let target = Target { chain: Some(Chain::Regtest), p2p: Some(address.clone()), ..Target::default() };
        Self::of(target, Ways { dial: Some(address), ..Ways::default() })
    }

    fn of(target: Target, ways: Ways) -> Self {
        let bus = Bus::new();
        let events = bus.subscribe("test", Filter::default(), 1 << 14, WhenFull::Block);
        let publisher = Publisher::new(&bus, "alice", "p2p");
        let shutdown = CancellationToken::new();
        let options = Options { ping_interval: Duration::from_millis(50), ..Options::new(ways) };
        let task = tokio::spawn(extractor_p2p::run(target, options, publisher, shutdown.clone()));
        Self { bus, events, shutdown, task }
    }

    async fn next(&mut self) -> Body {
        let waiting = async {
            loop {
                let Some(Delivery::Event(record)) = self.events.next().await else { continue };
                if let Some(body) = record.body() {
                    return body.clone();
                }
            }
        };
        timeout(PATIENCE, waiting).await.expect("an event in time")
    }

    /// What a function finds in the next events.
    async fn find<T>(&mut self, what: &str, mut find: impl FnMut(P2pEvent) -> Option<T>) -> T {
        let finding = async {
            loop {
                if let Body::P2pExtractor(p2p) = self.next().await
                    && let Some(found) = find(p2p.p2p_event.unwrap())
                {
                    return found;
                }
            }
        };
        timeout(PATIENCE, finding).await.unwrap_or_else(|_| panic!("no {what} in time"))
    }

    async fn ping(&mut self) -> u64 {
        let duration = |event| match event {
            P2pEvent::PingDuration(ping) => Some(ping.duration),
            _ => None,
        };
        self.find("ping", duration).await
    }

    async fn opened(&mut self) -> event::pb::p2p_extractor::ConnectionOpened {
        let opened = |event| match event {
            P2pEvent::ConnectionOpened(opened) => Some(opened),
            _ => None,
        };
        self.find("connection", opened).await
    }

    /// Waits until the extractor finds the node in a state. Returns the reason.
    async fn state(&mut self, state: State) -> String {
        let finding = async {
            loop {
                let Body::Observer(observer) = self.next().await else { continue };
                let Some(ObserverEvent::Status(status)) = observer.observer_event else { continue };
                let Some(node) = status.node.filter(|node| node.state() == state) else { continue };
                return node.reason.unwrap_or_default();
            }
        };
        timeout(PATIENCE, finding).await.unwrap_or_else(|_| panic!("not {state:?} in time"))
    }

    fn refused(&self, reason: &'static str) -> f64 {
        self.bus.accounts().count(&bus::counters::P2P_REFUSED, ["alice", reason]).get()
    }

    async fn end(self) {
        self.shutdown.cancel();
        self.task.await.unwrap().unwrap();
    }
}

/// A port that is free.
fn free() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.2:0").unwrap().local_addr().unwrap()
}

fn any_port() -> SocketAddr {
    "127.0.0.2:0".parse().unwrap()
}

fn listening(address: SocketAddr) -> Ways {
    Ways { listener: Some(Listener::bind(address).unwrap()), ..Ways::default() }
}

/// Listening, and asking the node by RPC to come.
fn asking() -> Ways {
    Ways { addnode: true, ..listening(any_port()) }
}

fn dialling(node: &Node) -> Ways {
    let address = node.p2p_addr();
    Ways { dial: Some(HostPort::new(address.ip().to_string(), address.port())), ..Ways::default() }
}
