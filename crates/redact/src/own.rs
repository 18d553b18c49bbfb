//! What is known of the own addresses and names of the nodes.
//!
//! Certain are those that the operator tells and those that a node names of itself: its local addresses, the addresses its sockets are bound to.
//! What a peer calls the node is a hint, because a stranger chooses it. It counts when peers of two neighbourhoods say the same, and among such
//! hints those with the fewest voices give way: strangers can hide a few dozen addresses that are not the node's, and no more.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use smol_str::SmolStr;

use super::find::Finder;
use super::host::Host;
use super::pseudonym::Recent;

/// Addresses and names that the operator may tell.
const MAX_TOLD: usize = 4_096;
/// Addresses, and names, that nodes may tell of themselves; those that were not told for the longest time give way.
const MAX_SEEN: usize = 256;
/// Addresses that peers call nodes.
const MAX_HINTS: usize = 64;
/// Neighbourhoods that must say the same.
const VOICES: usize = 2;
/// Neighbourhoods that are remembered of a hint.
const MAX_VOICES: usize = 16;
/// Peers of which is remembered what they call the node, twice.
const MAX_PEERS: usize = 16_384;
/// A shorter name would be found everywhere.
const MIN_NAME: usize = 3;

/// An address that peers call a node.
#[derive(Debug)]
struct Hint {
    place: Host,
    voices: Vec<Host>,
}

/// Own addresses and names.
#[derive(Debug)]
pub(super) struct Own {
    told: HashSet<Host>,
    seen: VecDeque<Host>,
    hints: VecDeque<Hint>,
    told_names: Vec<SmolStr>,
    seen_names: VecDeque<SmolStr>,
    /// All that counts.
    places: HashSet<Host>,
    /// The same, as bytes.
    finder: Finder,
    /// What each peer of each node calls that node.
    called: Recent<(Arc<str>, u64), Option<Host>>,
    /// Nodes that have told their local addresses.
    nodes: Recent<Arc<str>, ()>,
    changed: bool,
}

impl Own {
    pub(super) fn new() -> Self {
        Self {
            told: HashSet::new(),
            seen: VecDeque::new(),
            hints: VecDeque::new(),
            told_names: Vec::new(),
            seen_names: VecDeque::new(),
            places: HashSet::new(),
            finder: Finder::new(std::iter::empty()),
            called: Recent::new(MAX_PEERS),
            nodes: Recent::new(MAX_SEEN),
            changed: false,
        }
    }

    /// From the operator: an address with or without port, or a name.
    pub(super) fn learn(&mut self, text: &str) {
        let (host, _) = Host::parse(text);
        if let Host::Name(name) = &host {
            if name.len() >= MIN_NAME && self.told_names.len() < MAX_TOLD && !self.told_names.contains(name) {
                self.told_names.push(name.clone());
                self.changed = true;
            }
        } else if self.told.len() < MAX_TOLD {
            self.changed |= self.told.insert(host.place());
        }
        self.count();
    }

    /// An address that a node names as its own. One that tells nothing of where it is, like 127.0.0.1, is passed over: it would hide the peers
    /// that come from there.
    pub(super) fn see(&mut self, text: &str) {
        let (host, _) = Host::parse(text);
        if !host.is_global() {
            return;
        }
        let place = host.place();
        if self.seen.back() == Some(&place) {
            return;
        }
        match self.seen.iter().position(|seen| *seen == place) {
            Some(at) => drop(self.seen.remove(at)),
            None => self.changed = true,
        }
        self.seen.push_back(place);
        if self.seen.len() > MAX_SEEN {
            self.seen.pop_front();
            self.changed = true;
        }
        self.count();
    }

    /// A name that is a node's own, like a comment in its user agent.
    pub(super) fn see_name(&mut self, name: &str) {
        let name = name.trim();
        if !(MIN_NAME..=256).contains(&name.len()) || self.seen_names.iter().any(|seen| *seen == name) {
            return;
        }
        self.seen_names.push_back(name.to_lowercase().into());
        if self.seen_names.len() > MAX_SEEN {
            self.seen_names.pop_front();
        }
        self.changed = true;
    }

    /// A node told its local addresses.
    pub(super) fn told_by(&mut self, node: &Arc<str>) {
        self.nodes.insert(Arc::clone(node), ());
    }

    /// Whether that was so, or the operator told addresses.
    pub(super) fn knows(&mut self, node: &Arc<str>) -> bool {
        !self.told.is_empty() || self.nodes.get(node).is_some()
    }

    /// A peer calls the node so.
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

    /// What a peer calls the node; none when that is not known, `Some(None)` when it is no address that tells anything.
    pub(super) fn called_by(&mut self, node: &Arc<str>, peer: u64) -> Option<Option<Host>> {
        self.called.get(&(Arc::clone(node), peer))
    }

    /// Whether something counts now that did not before, or the other way round. Asking answers it.
    pub(super) fn has_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    fn count(&mut self) {
        if self.changed {
            let hints = self.hints.iter().filter(|hint| hint.voices.len() >= VOICES).map(|hint| &hint.place);
            self.places = self.told.iter().chain(&self.seen).chain(hints).cloned().collect();
            self.finder = Finder::new(self.places.iter());
        }
    }

    /// Whether a host is a node's own.
    pub(super) fn has(&self, host: &Host) -> bool {
        match host {
            Host::Name(name) => self.told_names.iter().any(|own| name.contains(own.as_str())),
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

    /// A hash in hexadecimal: "" if it is none, or if an own address is in it.
    pub(super) fn hash_text(&self, text: &str) -> String {
        let mut bytes = [0; 32];
        let is_hash = hex::decode_to_slice(text, &mut bytes).is_ok() && !self.finder.finds(&bytes);
        if is_hash { text.to_owned() } else { String::new() }
    }

    /// Hashes; what is none is left out.
    pub(super) fn hashes(&self, hashes: &[Bytes]) -> Vec<Bytes> {
        hashes.iter().filter(|hash| hash.len() == 32).map(|hash| self.hash(hash)).collect()
    }

    /// Whether a text contains an own name.
    pub(super) fn in_text(&self, text: &str) -> bool {
        let lower = text.to_lowercase();
        self.told_names.iter().chain(&self.seen_names).any(|name| lower.contains(name.as_str()))
    }
}
