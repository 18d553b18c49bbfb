//! What detectors count: how much of something there was in the last minutes, with the events that show it, at the node or of each
//! of its peers.

use std::net::IpAddr;

use event::pb::alerts::TextKind;
use event::pb::connectivity::Attempt;
use event::pb::connectivity::connectivity::ConnectivityEvent;
use event::pb::log_extractor::log::LogEvent;
use event::pb::observer::observer::ObserverEvent;
use event::pb::p2p_extractor::p2p::P2pEvent;
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::{Body, Record};
use model::bounds::{MAX_OPEN, SECOND};
use model::{Change, Context, Peer, Peers};
use smol_str::SmolStr;

use crate::counting::{Frequent, Sliding};
use crate::detectors::Details;
use crate::finding::{Evidence, Finding};
use crate::sink::Sink;
use crate::statistics::Window;
use crate::subject::Subject;

/// How much of the past says what is usual: a value a minute.
const MINUTES: usize = 360;
/// An attack is the usual after a day.
const MOST_FROZEN: usize = 1_440;

/// How much there was in the last minutes, and events that show it.
#[derive(Debug)]
pub(crate) struct Noted {
    amount: Sliding,
    pub evidence: Evidence,
}

impl Noted {
    /// In a window of so many seconds.
    pub fn new(seconds: f64) -> Self {
        Self { amount: Sliding::new(seconds), evidence: Evidence::default() }
    }

    /// Adds an amount, which the event at hand shows.
    pub fn add(&mut self, amount: f64, context: &Context<Sink>) {
        if self.sum(context.time_ns) == 0.0 {
            self.evidence.clear();
        }
        self.amount.add(context.time_ns, amount);
        self.evidence.note(context);
    }

    /// The amount in the window that ends now.
    pub fn sum(&mut self, now_ns: u64) -> f64 {
        self.amount.sum(now_ns)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.amount.clear();
        self.evidence.clear();
    }
}

/// The same of each peer.
#[derive(Debug)]
pub(crate) struct OfPeers {
    peers: Frequent<u64, Noted>,
    window: f64,
}

impl OfPeers {
    /// In a window of so many seconds.
    #[track_caller]
    pub fn new(seconds: f64) -> Self {
        Self { peers: Frequent::new(MAX_OPEN), window: seconds }
    }

    /// Adds an amount, which the event at hand shows.
    pub fn add(&mut self, peer: u64, amount: f64, context: &Context<Sink>) {
        self.peers.count(peer, || Noted::new(self.window)).add(amount, context);
    }

    /// What there is of each peer in the window that ends now, by id: those of which there is nothing are forgotten.
    pub fn each(&mut self, now_ns: u64) -> impl Iterator<Item = (u64, f64, &Evidence)> {
        self.peers.retain(|_, noted| noted.sum(now_ns) > 0.0);
        self.peers.iter_mut().map(move |(id, noted)| (*id, noted.sum(now_ns), &noted.evidence))
    }

    /// Of all peers together.
    pub fn sum(&mut self, now_ns: u64) -> f64 {
        self.each(now_ns).map(|(_, amount, _)| amount).sum()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.peers.clear();
    }
}

/// What is usual: the median of the last six hours, a value a minute.
#[derive(Debug)]
pub(crate) struct Usual {
    window: Window,
    minute: u64,
}

impl Default for Usual {
    fn default() -> Self {
        Self { window: Window::new(MINUTES, MOST_FROZEN), minute: 0 }
    }
}

impl Usual {
    /// The median before now; 0 as long as too little is known. The value is learned, unless an alert is open about it.
    pub fn next(&mut self, now_ns: u64, value: f64, is_open: bool) -> f64 {
        let minute = now_ns / (60 * SECOND);
        if minute != self.minute {
            self.minute = minute;
            self.window.learn(value, is_open);
        }
        self.window.usual().unwrap_or_default()
    }
}

/// The share that a part is of all; 0 if there is nothing.
pub(crate) fn share_of(part: f64, all: f64) -> f64 {
    if all > 0.0 { part / all } else { 0.0 }
}

/// How often a share has the least that it must be: any share is enough if that is 0.
pub(crate) fn reaches(share: f64, least: f64) -> f64 {
    if least > 0.0 { share / least } else { f64::INFINITY }
}

/// Whether counts begin anew: the node was restarted, or what reports of it.
pub(crate) fn begins_anew(change: &Change) -> bool {
    matches!(change, Change::NodeRestarted { .. } | Change::TracepointsRestarted)
}

/// Whether the node is known to have caught up with the chain: while it does that, much is normal that is not later.
pub(crate) fn has_caught_up(context: &Context<Sink>) -> bool {
    context.blocks.has_caught_up(context.time_ns) == Some(true)
}

/// What a record has of debug.log.
pub(crate) fn logged(record: &Record) -> Option<&LogEvent> {
    match record.body() {
        Some(Body::LogExtractor(line)) => line.log_event.as_ref(),
        _ => None,
    }
}

/// What a record has of RPC.
pub(crate) fn polled(record: &Record) -> Option<&RpcEvent> {
    match record.body() {
        Some(Body::RpcExtractor(rpc)) => rpc.rpc_event.as_ref(),
        _ => None,
    }
}

/// What a record has of our own P2P connection.
pub(crate) fn exchanged(record: &Record) -> Option<&P2pEvent> {
    match record.body() {
        Some(Body::P2pExtractor(p2p)) => p2p.p2p_event.as_ref(),
        _ => None,
    }
}

/// What a record has of the node's process, and of extractors.
pub(crate) fn observed(record: &Record) -> Option<&ObserverEvent> {
    match record.body() {
        Some(Body::Observer(observer)) => observer.observer_event.as_ref(),
        _ => None,
    }
}

/// The attempt of the connectivity check that a record has.
pub(crate) fn attempted(record: &Record) -> Option<&Attempt> {
    match record.body() {
        Some(Body::Connectivity(connectivity)) => {
            let ConnectivityEvent::Attempt(attempt) = connectivity.connectivity_event.as_ref()?;
            Some(attempt)
        }
        _ => None,
    }
}

/// A peer by its id, also if its connection ended just before.
pub(crate) fn subject_of(id: u64, peers: &Peers<Details>) -> Subject {
    match peers.find(id) {
        Some(peer) => Subject::peer(peer),
        None => Subject::Peer { id, addr: SmolStr::default(), ip: None },
    }
}

/// Adds the user agent of a peer to a finding.
pub(crate) fn with_agent(finding: Finding, id: u64, peers: &Peers<Details>) -> Finding {
    let agent = peers.find(id).and_then(|peer| peer.user_agent.as_deref()).unwrap_or_default();
    finding.text("agent", TextKind::UserAgent, agent)
}

/// The autonomous system of a peer: by the asmap file, or else by what the node says.
pub(crate) fn asn_of(peer: &Peer<Details>) -> Option<u32> {
    peer.asn.or_else(|| peer.polled.as_ref().map(|polled| polled.mapped_as).filter(|asn| *asn != 0))
}

/// The address of a peer, if it is routed on the internet.
pub(crate) fn routed_ip<P>(peer: &Peer<P>) -> Option<IpAddr> {
    peer.ip.filter(|ip| networks::special(*ip).is_none())
}

/// Where a peer is, without the port.
pub(crate) fn host_of(peer: &Peer<Details>) -> String {
    peer.ip.map_or_else(|| peer.addr.to_string(), |ip| ip.to_string())
}

/// Whether a peer is our own connection.
pub(crate) fn is_own(id: u64, peers: &Peers<Details>) -> bool {
    peers.find(id).is_some_and(|peer| peer.own)
}
