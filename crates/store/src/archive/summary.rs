//! Counts what is in a file, while it is written or read.

use std::collections::HashMap;
use std::sync::Arc;

use event::{Direction, Envelope, Kind, Record, message_types};
use foldhash::fast::FixedState;
use smol_str::SmolStr;

use super::index::{Count, Frame, Index, Run};
use super::keys::{self, Keys};

/// Groups and runs that are counted apart in a frame.
const MAX_GROUPS: usize = 4096;
/// Peers that are remembered in a frame, so that their keys are made once; those of others are made again with each event.
const MAX_PEERS: usize = 1 << 16;
/// Message types that nobody knows, which are untrusted input, are counted apart up to this many in a frame.
const MAX_UNKNOWN_TYPES: usize = 64;

type Map<K, V> = HashMap<K, V, FixedState>;

/// What is in a file so far.
#[derive(Default)]
pub struct Summary {
    index: Index,
    positions: Map<String, u32>,
    nodes: Map<Arc<str>, u32>,
    /// The node of the last event: most often, that of the next.
    last_node: Option<(Arc<str>, u32)>,
    kinds: Map<Kind, u32>,
    current: Current,
}

/// What is in the frame that is not complete yet.
#[derive(Default)]
struct Current {
    frame: Frame,
    groups: Map<Group, usize>,
    runs: Map<(u32, u64), usize>,
    keys: Keys,
    /// Peers whose keys are there, by position of the node's name and id, with the address that they had.
    peers: Map<(u32, u64), Option<SmolStr>>,
    /// Addresses that occurred, as they are written.
    addrs: Keys,
    unknown_types: usize,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Group {
    node: u32,
    kind: Kind,
    message_type: Option<SmolStr>,
    inbound: Option<bool>,
}

impl Summary {
    /// Counts an event that takes this many bytes with its length.
    pub fn add(&mut self, record: &Record, bytes: u64) {
        self.note(record.envelope(), record.addr(), bytes);
    }

    /// Counts an event by its envelope, and the address of the peer that it concerns.
    pub(crate) fn note(&mut self, envelope: &Envelope, addr: Option<&str>, bytes: u64) {
        let node = self.node(&envelope.node);
        let frame = &mut self.current.frame;
        let first = frame.events == 0;
        frame.events += 1;
        frame.earliest_ns = if first { envelope.time_ns } else { frame.earliest_ns.min(envelope.time_ns) };
        frame.latest_ns = frame.latest_ns.max(envelope.time_ns);
        let inbound = envelope.direction.map(|direction| direction == Direction::Inbound);
        let group = Group { node, kind: envelope.kind, message_type: envelope.message_type.clone(), inbound };
        self.count(group, bytes);
        self.current.note_run(node, envelope.run, envelope.sequence);
        self.current.note_keys(node, envelope, addr);
    }

    fn count(&mut self, group: Group, bytes: u64) {
        let at = match self.current.groups.get(&group) {
            Some(at) => *at,
            None => self.new_group(group),
        };
        if let Some(count) = self.current.frame.counts.get_mut(at) {
            count.events += 1;
            count.bytes += bytes;
        }
    }

    fn new_group(&mut self, mut group: Group) -> usize {
        let Current { frame, groups, unknown_types, .. } = &mut self.current;
        if let Some(message_type) = &group.message_type
            && !message_types::ALL.iter().any(|known| known.name == *message_type)
        {
            *unknown_types += 1;
            if *unknown_types > MAX_UNKNOWN_TYPES {
                frame.counts_partial = true;
                group.message_type = None;
                if let Some(at) = groups.get(&group) {
                    return *at;
                }
            }
        }
        let counted = frame.counts.len();
        if counted >= MAX_GROUPS {
            frame.counts_partial = true;
            return counted - 1;
        }
        let kind = match self.kinds.get(&group.kind) {
            Some(position) => *position,
            None => {
                let position = self.name(group.kind.name());
                *self.kinds.entry(group.kind).or_insert(position)
            }
        };
        let message_type = group.message_type.as_ref().map(|message_type| self.name(message_type));
        let count = Count { node: group.node, kind, message_type, inbound: group.inbound, events: 0, bytes: 0 };
        self.current.frame.counts.push(count);
        self.current.groups.insert(group, counted);
        counted
    }

    fn node(&mut self, node: &Arc<str>) -> u32 {
        if let Some((last, position)) = &self.last_node
            && Arc::ptr_eq(last, node)
        {
            return *position;
        }
        let position = match self.nodes.get(node) {
            Some(position) => *position,
            None => self.name(node),
        };
        self.nodes.entry(Arc::clone(node)).or_insert(position);
        self.last_node = Some((Arc::clone(node), position));
        position
    }

    fn name(&mut self, name: &str) -> u32 {
        if let Some(position) = self.positions.get(name) {
            return *position;
        }
        let position = self.index.names.len() as u32;
        self.index.names.push(name.to_owned());
        self.positions.insert(name.to_owned(), position);
        position
    }

    /// Events in the frame that is not complete.
    pub fn pending(&self) -> u64 {
        self.current.frame.events
    }

    /// Completes a frame that begins here, has this size in the file, and this much content.
    pub fn end_frame(&mut self, offset: u64, size: u64, content: u64) {
        let Current { frame, keys, .. } = std::mem::take(&mut self.current);
        let bloom = keys.bloom();
        if frame.events > 0 {
            self.index.frames.push(Frame {
                offset,
                size,
                content,
                keys: bloom.bits.into_owned(),
                keys_full: bloom.full,
                ..frame
            });
        }
    }

    /// Adds the frames of another summary, which begin at this place of the file.
    pub(crate) fn append(&mut self, other: Index, offset: u64) {
        let names: Vec<u32> = other.names.iter().map(|name| self.name(name)).collect();
        let moved = |name: u32| names.get(name as usize).copied().unwrap_or_default();
        for mut frame in other.frames {
            frame.offset += offset;
            for count in &mut frame.counts {
                (count.node, count.kind) = (moved(count.node), moved(count.kind));
                count.message_type = count.message_type.map(moved);
            }
            frame.runs.iter_mut().for_each(|run| run.node = moved(run.node));
            self.index.frames.push(frame);
        }
    }

    /// Forgets the frame that is not complete.
    pub fn drop_frame(&mut self) {
        self.current = Current::default();
    }

    /// The frames that are complete, without the rest.
    pub(crate) fn into_index(self) -> Index {
        self.index
    }

    /// The frames that are complete.
    pub fn index(&self) -> &Index {
        &self.index
    }
}

impl Current {
    fn note_run(&mut self, node: u32, run: u64, sequence: u64) {
        if run == 0 {
            return;
        }
        let runs = &mut self.frame.runs;
        let is_last = runs.last().is_some_and(|last| (last.node, last.run) == (node, run));
        let known = if is_last { Some(runs.len() - 1) } else { self.runs.get(&(node, run)).copied() };
        let at = match known {
            Some(at) => at,
            None if runs.len() >= MAX_GROUPS => {
                self.frame.counts_partial = true;
                return;
            }
            None => {
                self.runs.insert((node, run), runs.len());
                runs.push(Run { node, run, first: sequence, last: sequence, events: 0 });
                runs.len() - 1
            }
        };
        if let Some(run) = runs.get_mut(at).filter(|_| sequence > 0) {
            run.first = if run.first == 0 { sequence } else { run.first.min(sequence) };
            run.last = run.last.max(sequence);
            run.events += 1;
        }
    }

    fn note_keys(&mut self, node: u32, envelope: &Envelope, addr: Option<&str>) {
        if let Some(peer) = envelope.peer {
            match self.peers.get(&(node, peer)) {
                // Nearly always, for the events of a frame are of few peers.
                Some(known) if addr.is_none() || known.as_deref() == addr => return,
                _ => _ = self.keys.add(keys::of_peer(&envelope.node, peer)),
            }
            if self.peers.len() < MAX_PEERS {
                self.peers.insert((node, peer), addr.map(SmolStr::new));
            }
        }
        if let Some(addr) = addr
            && self.addrs.add(keys::of_text(addr))
        {
            keys::of_addr(addr).into_iter().for_each(|key| _ = self.keys.add(key));
        }
    }
}
