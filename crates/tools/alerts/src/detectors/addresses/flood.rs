//! More addresses from a peer than nodes take.
//!
//! Bitcoin Core (#22387) gives each peer a bucket of tokens, one for an address: 0.1 a second, 1,000 at most, 1 at the beginning, and
//! 1,000 more when it asks with getaddr. Here the same is counted for messages, and the node's own count is used where getpeerinfo has it.

use event::message::{Message, Payload};
use event::pb::alerts::{Severity, TextKind};
use event::{Kind, Record};
use model::bounds::SECOND;
use model::{Context, Observer, Peer, Peers};

use super::asked::count;
use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::{Details, ids};
use crate::finding::{Finding, Report};
use crate::noted::Noted;
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

/// Tokens a second (Bitcoin Core's `MAX_ADDR_RATE_PER_SECOND`).
const RATE: f64 = 0.1;
/// Tokens at most, and how many a getaddr adds (`MAX_ADDR_PROCESSING_TOKEN_BUCKET`, `MAX_ADDR_TO_SEND`).
const BUCKET: f64 = 1_000.0;
/// A connection is known from its beginning if it was seen so soon.
const BEGINNING_NS: u64 = 5 * SECOND;

parameters! {
    /// Addresses beyond what nodes take, from one peer within the window.
    refused: 50.0, "addresses", 1.0..=1e9, "The original tool has 20 since the connection began; honest peers that gossip a bit too fast reach that in a day, but 50 in ten minutes is five times the rate that nodes take.";
    /// The window.
    window: 600.0, "s", 60.0..=86_400.0, "Long enough for one address a second to be found within two minutes.";
}

/// What is kept of a peer.
#[derive(Debug, Default)]
pub(super) struct OfPeer {
    bucket: Option<Bucket>,
    refused: Option<Noted>,
    /// Its addr_rate_limited in the last answer of getpeerinfo.
    polled: Option<u64>,
}

/// Its tokens.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    filled_ns: u64,
}

impl Bucket {
    /// That of a peer. What it had used before it was seen is not known, and taken to be nothing.
    fn new(peer: &Peer<Details>, now_ns: u64) -> Self {
        let from_the_beginning =
            peer.connected_ns.is_some_and(|at_ns| at_ns.saturating_add(BEGINNING_NS) >= peer.first_seen_ns)
                && peer.opened.is_some();
        Self { tokens: if from_the_beginning { 1.0 } else { 2.0 * BUCKET }, filled_ns: now_ns }
    }

    /// Takes tokens for addresses, and returns how many were missing.
    fn take(&mut self, addresses: f64, now_ns: u64) -> f64 {
        if self.tokens < BUCKET {
            let passed = now_ns.saturating_sub(self.filled_ns) as f64 / 1e9;
            self.tokens = (self.tokens + passed * RATE).min(BUCKET);
        }
        self.filled_ns = now_ns;
        let taken = addresses.min(self.tokens.floor());
        self.tokens -= taken;
        addresses - taken
    }
}

/// Finds peers that send more addresses than nodes take.
pub(crate) struct AddressFlood {
    me: Me,
    parameters: Parameters,
}

impl Detector for AddressFlood {
    const ROW: Row = Row {
        name: "address_flood",
        family: "addresses",
        severity: Severity::Warning,
        title: "a peer floods the node with addresses",
        sees: "Addresses in addr and addrv2 that a peer sends beyond what the token bucket of Bitcoin Core takes, from the P2P \
               messages, or from addr_rate_limited of getpeerinfo. Answers to a getaddr of the node are left out.",
        misses: "Many peers that stay below the limit each. Peers with the permission addr, \
                 which are not limited. The start of a connection that was open before it was observed.",
        timing: Timing { after: 0, hold: 120, warm_up: 0 },
        parameters: Parameters::ALL,
        related: &[],
    };

    fn new(me: Me, values: &Values) -> Self {
        Self { me, parameters: Parameters::of(values) }
    }
}

impl AddressFlood {
    /// Counts addresses that were refused.
    fn refuse(&self, count: f64, peer: &mut Peer<Details>, context: &mut Context<Sink>) {
        let refused = &mut peer.details.addresses.flood.refused;
        let refused = refused.get_or_insert_with(|| Noted::new(self.parameters.window));
        let before = refused.sum(context.time_ns);
        refused.add(count, context);
        // What goes on is reported by the tick: one message of a flood is as good as the other.
        if before < self.parameters.refused && before + count >= self.parameters.refused {
            self.judge(peer, context);
        }
    }

    fn judge(&self, peer: &mut Peer<Details>, context: &mut Context<Sink>) {
        let Parameters { refused: threshold, window } = self.parameters;
        let subject = Subject::peer(peer);
        let Some(noted) = &mut peer.details.addresses.flood.refused else { return };
        let refused = noted.sum(context.time_ns);
        context.report(self.me, refused / threshold, || {
            Finding::new(subject, "{subject} ({agent}) sent {refused} more than nodes take within {window}.")
                .compared("refused", refused, "addresses", threshold)
                .number("window", window, "s")
                .text("agent", TextKind::UserAgent, peer.user_agent.as_deref().unwrap_or_default())
                .evidence(&noted.evidence)
        });
    }
}

impl Observer<Sink, Details> for AddressFlood {
    #[inline]
    fn message(&mut self, message: &Message, peer: &mut Peer<Details>, context: &mut Context<Sink>) {
        match message.payload {
            Payload::Addr(_) | Payload::AddrV2(_) if message.inbound => {}
            Payload::GetAddr if !message.inbound => {
                let new = Bucket::new(peer, context.time_ns);
                peer.details.addresses.flood.bucket.get_or_insert(new).tokens += BUCKET;
                return;
            }
            _ => return,
        }
        if peer.own || may_flood(peer) {
            return;
        }
        let now_ns = context.time_ns;
        let (addresses, new) = (count(peer), Bucket::new(peer, now_ns));
        let bucket = peer.details.addresses.flood.bucket.get_or_insert(new);
        let refused = bucket.take(addresses as f64, now_ns);
        if refused > 0.0 {
            self.refuse(refused, peer, context);
        }
    }

    fn event(&mut self, record: &Record, peers: &mut Peers<Details>, context: &mut Context<Sink>) {
        // Where messages are seen, they are counted.
        if record.envelope().kind != Kind::PeerInfos || context.origins.has(model::Origin::Messages) {
            return;
        }
        for id in ids(peers) {
            let Some(peer) = peers.get_mut(id) else { continue };
            let Some(limited) = peer.polled.as_ref().map(|polled| polled.addr_rate_limited) else { continue };
            let before = peer.details.addresses.flood.polled.replace(limited);
            let more = before.map_or(0, |before| limited.saturating_sub(before));
            if more > 0 && !peer.own {
                self.refuse(more as f64, peer, context);
            }
        }
    }

    fn tick(&mut self, peers: &mut Peers<Details>, context: &mut Context<Sink>) {
        for id in ids(peers) {
            if let Some(peer) = peers.get_mut(id) {
                self.judge(peer, context);
            }
        }
    }
}

/// Whether the node does not limit it.
fn may_flood(peer: &Peer<Details>) -> bool {
    peer.polled.as_ref().is_some_and(|polled| polled.permissions.iter().any(|permission| permission == "addr"))
}
