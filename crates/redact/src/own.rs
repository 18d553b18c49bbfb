//! The own addresses and names of the nodes.
//!
//! Certain are those that the operator configured and those that a node reports as its own: its local addresses, the addresses its sockets are
//! bound to. The address that a peer has for the node is a hint, because the peer may lie. It counts when peers of two network groups agree. When
//! there are too many hints, those with the fewest voices are dropped: attackers can hide a few dozen addresses that are not the node's, no more.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use smol_str::SmolStr;

use super::find::Finder;
use super::host::Host;
use super::pseudonym::Recent;

/// Addresses, and names, that the operator may configure.
const MAX_CONFIGURED: usize = 4_096;
/// Addresses, and names, that are kept of those that nodes report; the ones that were not reported for the longest time are dropped.
const MAX_REPORTED: usize = 256;
/// Addresses that peers have for nodes; hints beyond this number are dropped.
const MAX_HINTS: usize = 64;
/// Network groups whose peers must agree.
const VOICES: usize = 2;
/// Network groups that are remembered of a hint.
const MAX_VOICES: usize = 16;
/// Peers of which the address that they have for the node is remembered; at most twice as many.
const MAX_PEERS: usize = 16_384;
/// A shorter name would be found everywhere.
const MIN_NAME: usize = 3;

/// An address that peers have for a node.
#[derive(Debug)]
struct Hint {
    place: Host,
    voices: Vec<Host>,
}

/// Own addresses and names.
#[derive(Debug)]
pub(super) struct Own {
    configured: HashSet<Host>,
    reported: VecDeque<Host>,
    hints: VecDeque<Hint>,
    configured_names: Vec<SmolStr>,
    reported_names: VecDeque<SmolStr>,
    /// Everything that counts as own: configured, reported, and hints that enough network groups agree on.
    places: HashSet<Host>,
    /// The same, as bytes.
    finder: Finder,
    /// The address that each peer of each node has for that node.
    called: Recent<(Arc<str>, u64), Option<Host>>,
    /// Nodes that have reported their local addresses.
    nodes: Recent<Arc<str>, ()>,
    changed: bool,
}

impl Own {
    pub(super) fn new() -> Self {
        Self {
            configured: HashSet::new(),
            reported: VecDeque::new(),
            hints: VecDeque::new(),
            configured_names: Vec::new(),
            reported_names: VecDeque::new(),
            places: HashSet::new(),
            finder: Finder::new(std::iter::empty()),
            called: Recent::new(MAX_PEERS),
            nodes: Recent::new(MAX_REPORTED),
            changed: false,
        }
    }

    /// From the operator: an address with or without port, or a name.
    pub(super) fn learn(&mut self, text: &str) {
        let (host, _) = Host::parse(text);
        if let Host::Name(name) = &host {
            if name.len() >= MIN_NAME
                && self.configured_names.len() < MAX_CONFIGURED
                && !self.configured_names.contains(name)
            {
                self.configured_names.push(name.clone());
                self.changed = true;
            }
        } else if self.configured.len() < MAX_CONFIGURED {
            self.changed |= self.configured.insert(host.place());
        }
        self.count();
    }

    /// An address that a node names as its own. One that is not global, like 127.0.0.1, is passed over: it would hide the peers
    /// that come from there.
    pub(super) fn learn_reported(&mut self, text: &str) {
        let (host, _) = Host::parse(text);
        if !host.is_global() {
            return;
        }
        let place = host.place();
        if self.reported.back() == Some(&place) {
            return;
        }
        match self.reported.iter().position(|seen| *seen == place) {
            Some(at) => drop(self.reported.remove(at)),
            None => self.changed = true,
        }
        self.reported.push_back(place);
        if self.reported.len() > MAX_REPORTED {
            self.reported.pop_front();
            self.changed = true;
        }
        self.count();
    }

    /// A name that is a node's own, like a comment in its user agent.
    pub(super) fn learn_reported_name(&mut self, name: &str) {
        let name = name.trim();
        if !(MIN_NAME..=256).contains(&name.len()) || self.reported_names.iter().any(|seen| *seen == name) {
            return;
        }
        self.reported_names.push_back(name.to_lowercase().into());
        if self.reported_names.len() > MAX_REPORTED {
            self.reported_names.pop_front();
        }
        self.changed = true;
    }

    /// Remembers that a node reported its local addresses.
    pub(super) fn has_reported(&mut self, node: &Arc<str>) {
        self.nodes.insert(Arc::clone(node), ());
    }

    /// Whether the node reported its addresses, or the operator configured some.
    pub(super) fn knows(&mut self, node: &Arc<str>) -> bool {
        !self.configured.is_empty() || self.nodes.get(node).is_some()
    }

    /// Remembers the address that a peer has for the node.
    pub(super) fn called(&mut self, node: &Arc<str>, peer: u64, voice: &Host, called: Option<Host>) {
        let called = called.filter(Host::is_global).map(|host| host.place());
        self.called.insert((Arc::clone(node), peer), called.clone());
        let Some(place) = called else {
            return;
        };
        let at = self.hints.iter().position(|hint| hint.place == place);
        let mut hint = at.and_then(|at| self.hints.remove(at)).unwrap_or(Hint { place, voices: Vec::new() });
        let voice = voice.group();
        if hint.voices.len() < MAX_VOICES && !hint.voices.contains(&voice) {
            hint.voices.push(voice);
            self.changed |= hint.voices.len() == VOICES;
        }
        self.hints.push_back(hint);
        if self.hints.len() > MAX_HINTS {
            let weakest = self.hints.iter().take(MAX_HINTS).enumerate().min_by_key(|(_, hint)| hint.voices.len());
            if let Some(hint) = weakest.map(|(at, _)| at).and_then(|at| self.hints.remove(at)) {
                self.changed |= hint.voices.len() >= VOICES;
            }
        }
        self.count();
    }

    /// The address that a peer has for the node; none when that is not known, `Some(None)` when it is no global address.
    pub(super) fn called_by(&mut self, node: &Arc<str>, peer: u64) -> Option<Option<Host>> {
        self.called.get(&(Arc::clone(node), peer))
    }

    /// Whether the own addresses changed since the last call.
    pub(super) fn has_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    fn count(&mut self) {
        if self.changed {
            let hints = self.hints.iter().filter(|hint| hint.voices.len() >= VOICES).map(|hint| &hint.place);
            self.places = self.configured.iter().chain(&self.reported).chain(hints).cloned().collect();
            self.finder = Finder::new(self.places.iter());
        }
    }

    /// Whether a host is a node's own.
    pub(super) fn has(&self, host: &Host) -> bool {
        match host {
            Host::Name(name) => self.configured_names.iter().any(|own| name.contains(own.as_str())),
            Host::V6(_) => self.places.contains(&host.place()),
            host => self.places.contains(host),
        }
    }

    /// A hash: nothing if it is none, zeros if an own address is in it.
    pub(super) fn hash(&self, hash: &Bytes) -> Bytes {
        match hash.len() {
            32 if self.finder.finds(hash) => Bytes::from_static(&[0; 32]),
            32 => hash.clone(),
            _ => Bytes::new(),
        }
    }

    /// Whether an own address is in the bytes.
    pub(super) fn in_bytes(&self, bytes: &[u8]) -> bool {
        self.finder.finds(bytes)
    }

    /// A hash in hexadecimal: "" if it is none, or if an own address is in it.
    pub(super) fn hash_text(&self, text: &str) -> String {
        let mut bytes = [0; 32];
        let is_hash = hex::decode_to_slice(text, &mut bytes).is_ok() && !self.finder.finds(&bytes);
        if is_hash { text.to_owned() } else { String::new() }
    }

    /// Hashes; what does not have 32 bytes is left out.
    pub(super) fn hashes(&self, hashes: &[Bytes]) -> Vec<Bytes> {
        hashes.iter().filter(|hash| hash.len() == 32).map(|hash| self.hash(hash)).collect()
    }

    /// Whether a text contains an own name.
    pub(super) fn in_text(&self, text: &str) -> bool {
        let lower = text.to_lowercase();
        self.configured_names.iter().chain(&self.reported_names).any(|name| lower.contains(name.as_str()))
    }
}
