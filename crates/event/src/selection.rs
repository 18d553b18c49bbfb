//! What was left out of a node's events on purpose when they were written to an archive or published again: an event that comes before the first
//! one of that node, so that nobody takes what is missing for quiet or for a loss.

use std::collections::HashMap;
use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

use crate::filter::Kinds;
use crate::pb::observer::observer::ObserverEvent;
use crate::pb::observer::{Observer, Pass, Selection};
use crate::quote::Plain;
use crate::{Body, Direction, Filter, Kind, Record, time};

/// Nodes of which it is remembered what was stated, and different statements of one node. Beyond that, nothing is stated.
const MAX_NODES: usize = 4096;
const MAX_OF_NODE: usize = 16;
/// Entries of a list that are shown.
const SHOWN: usize = 10;

impl Filter {
    /// The filter as an archive records it; none if everything passes.
    pub fn pass(&self) -> Option<Pass> {
        let Self { nodes, kinds, messages, peers, addrs, direction, since_ns, until_ns } = self;
        let pass = Pass {
            nodes: nodes.clone(),
            kinds: kinds.iter().map(|kinds| kinds.name().to_owned()).collect(),
            messages: messages.iter().map(ToString::to_string).collect(),
            peers: peers.clone(),
            addrs: addrs.iter().map(ToString::to_string).collect(),
            direction: direction.map(|direction| match direction {
                Direction::Inbound => "inbound".to_owned(),
                Direction::Outbound => "outbound".to_owned(),
            }),
            since_ns: *since_ns,
            until_ns: *until_ns,
        };
        (!self.is_empty()).then_some(pass)
    }
}

/// The selection that an event states; none if it is another kind of event.
pub fn of(record: &Record) -> Option<&Selection> {
    if record.envelope().kind != Kind::Selection {
        return None;
    }
    match record.body() {
        Some(Body::Observer(Observer { observer_event: Some(ObserverEvent::Selection(selection)) })) => Some(selection),
        _ => None,
    }
}

/// States what was left out of a sequence of events, such as those of a file: by those who made what it comes from, and by whoever makes it.
#[derive(Clone, Debug, Default)]
pub struct Selections {
    own: Selection,
    inherited: HashMap<Arc<str>, Vec<Selection>>,
    /// How many selections were stated of a node.
    stated: HashMap<Arc<str>, usize>,
    /// The node of the last event, of which everything is stated.
    last: Option<Arc<str>>,
}

impl Selections {
    /// Events that each of these let pass, in this order.
    pub fn new(passes: impl IntoIterator<Item = Pass>, low_data: bool) -> Self {
        Self { own: Selection { passes: passes.into_iter().collect(), low_data }, ..Self::default() }
    }

    /// Where the events of a node come from, not all of them were there.
    pub fn inherit(&mut self, node: &Arc<str>, selection: &Selection) {
        if self.inherited.len() >= MAX_NODES && !self.inherited.contains_key(node) {
            return;
        }
        let selections = self.inherited.entry(Arc::clone(node)).or_default();
        if selections.len() < MAX_OF_NODE && !selections.contains(selection) {
            selections.push(selection.clone());
            self.last = None;
        }
    }

    /// Another sequence begins: nothing is stated in it.
    pub fn begin(&mut self) {
        self.stated.clear();
        self.last = None;
    }

    /// What is to be stated before an event: nothing, unless it is the first one of its node.
    #[inline]
    pub fn before(&mut self, record: &Record) -> Vec<Record> {
        let node = &record.envelope().node;
        if self.last.as_ref().is_some_and(|last| Arc::ptr_eq(last, node)) {
            return Vec::new();
        }
        self.last = Some(Arc::clone(node));
        self.state(node, record.envelope().time_ns)
    }

    fn state(&mut self, node: &Arc<str>, time_ns: u64) -> Vec<Record> {
        let Self { own, inherited, stated, .. } = self;
        let takes_all = own.passes.is_empty() && !own.low_data;
        let count = inherited.get(node).map_or(usize::from(!takes_all), Vec::len);
        let before = stated.get(node).copied().unwrap_or_default();
        if before >= count || stated.len() >= MAX_NODES && before == 0 {
            return Vec::new();
        }
        stated.insert(Arc::clone(node), count);
        let all = match inherited.get(node) {
            Some(inherited) => inherited.iter().map(|before| then(before, own)).collect(),
            None => vec![own.clone()],
        };
        let record = |selection| {
            let body = Body::Observer(Observer { observer_event: Some(ObserverEvent::Selection(selection)) });
            Record::new(Arc::clone(node), 0, 0, time_ns, body)
        };
        all.into_iter().skip(before).map(record).collect()
    }
}

/// The P2P messages by which peers tell of addresses: "addr-relay".
pub const ADDR_RELAY: [&str; 3] = ["getaddr", "addr", "addrv2"];

/// Whether a selection may have let events of a kind pass; of P2P messages, those of a type.
pub fn may_have(selection: &Selection, kind: Kind, message: Option<&str>) -> bool {
    selection.passes.iter().all(|pass| {
        let is_of = |name: &String| match (name.as_str(), kind, message) {
            ("addr-relay", Kind::Message, Some(message)) => ADDR_RELAY.contains(&message),
            ("addr-relay", ..) => false,
            ("connections-with-handshakes", Kind::Message, message) => message == Some("version"),
            ("connections-with-handshakes", ..) => Kinds::Subject("netconn").contain(kind),
            // What this version does not know may be anything.
            (name, ..) => name.parse::<Kinds>().map_or(true, |kinds| kinds.contain(kind)),
        };
        let kinds = pass.kinds.is_empty() || pass.kinds.iter().any(is_of);
        let is_listed = |message| pass.messages.iter().any(|listed| listed == message);
        let needs_message = !pass.messages.is_empty() || pass.direction.is_some();
        let messages = if kind == Kind::Message {
            pass.messages.is_empty() || message.is_some_and(is_listed)
        } else {
            !needs_message
        };
        kinds && messages
    })
}

/// What two selections leave, one after the other.
fn then(first: &Selection, second: &Selection) -> Selection {
    let mut passes = first.passes.clone();
    // What is filtered again in the same way is the same.
    passes.extend(second.passes.iter().filter(|pass| !first.passes.contains(pass)).cloned());
    Selection { passes, low_data: first.low_data || second.low_data }
}

/// A selection in words: `only kind netmsg, rpc and node alice; without raw transactions and the transactions of blocks`.
#[derive(Clone, Copy)]
pub struct SelectionText<'a>(pub &'a Selection);

impl Display for SelectionText<'_> {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let Selection { passes, low_data } = self.0;
        for (n, pass) in passes.iter().enumerate() {
            write!(f, "{}only {}", if n > 0 { "; of these, " } else { "" }, words(pass))?;
        }
        if *low_data {
            let separator = if passes.is_empty() { "" } else { "; " };
            write!(f, "{separator}without raw transactions and the transactions of blocks")?;
        }
        Ok(())
    }
}

fn words(pass: &Pass) -> String {
    let Pass { nodes, kinds, messages, peers, addrs, direction, since_ns, until_ns } = pass;
    let peers: Vec<String> = peers.iter().take(SHOWN + 1).map(ToString::to_string).collect();
    let lists = [("kind", kinds), ("node", nodes), ("message", messages), ("peer", &peers), ("address", addrs)];
    let lists = lists.into_iter().filter(|(_, list)| !list.is_empty());
    let direction = direction.as_ref().map(|direction| format!("{} messages", Plain(direction)));
    let since = since_ns.map(|since| format!("since {}", time::rfc3339(since)));
    let until = until_ns.map(|until| format!("until {}", time::rfc3339(until)));
    let all: Vec<String> =
        lists.map(|(what, list)| listed(what, list)).chain(direction).chain(since).chain(until).collect();
    if all.is_empty() { "some events".to_owned() } else { all.join(" and ") }
}

fn listed(what: &str, list: &[String]) -> String {
    let shown: Vec<String> = list.iter().take(SHOWN).map(|entry| Plain(entry).to_string()).collect();
    let more = if list.len() > SHOWN { ", …" } else { "" };
    format!("{what} {}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pb::rpc_extractor::Rpc;
    use crate::pb::rpc_extractor::rpc::RpcEvent;

    fn event(node: &Arc<str>, time_ns: u64) -> Record {
        let body = Body::RpcExtractor(Rpc { rpc_event: Some(RpcEvent::Uptime(1)) });
        Record::new(Arc::clone(node), 7, 1, time_ns, body)
    }

    fn texts(records: &[Record]) -> Vec<String> {
        records.iter().map(|record| SelectionText(of(record).unwrap()).to_string()).collect()
    }

    #[test]
    fn each_node_is_stated_once_in_each_sequence_and_selections_add_up() {
        let (alice, bob): (Arc<str>, Arc<str>) = ("alice".into(), "bob".into());
        let filter = Filter { kinds: vec!["rpc".parse().unwrap()], peers: vec![7], ..Filter::default() };
        let mut selections = Selections::new(filter.pass(), true);
        let only_alice = Filter { nodes: vec!["alice".to_owned()], ..Filter::default() };
        selections.inherit(&alice, &Selection { passes: only_alice.pass().into_iter().collect(), low_data: false });
        let without = "without raw transactions and the transactions of blocks";
        for _ in 0..2 {
            let first = selections.before(&event(&alice, 5));
            assert_eq!(first[0].envelope().time_ns, 5);
            assert_eq!(texts(&first), [format!("only node alice; of these, only kind rpc and peer 7; {without}")]);
            assert_eq!(texts(&selections.before(&event(&bob, 6))), [format!("only kind rpc and peer 7; {without}")]);
            assert!(selections.before(&event(&alice, 7)).is_empty() && selections.before(&event(&bob, 8)).is_empty());
            selections.begin();
        }
        let mut nothing = Selections::new(None, false);
        assert!(nothing.before(&event(&alice, 5)).is_empty());
        nothing.inherit(&alice, of(&first_of(&mut selections, &alice)).unwrap());
        assert_eq!(texts(&nothing.before(&event(&alice, 6))).len(), 1, "what is known later is stated later");
    }

    #[test]
    fn a_selection_says_what_may_be_there() {
        let of = |kinds: &[&str], messages: &[&str]| {
            let list = |names: &[&str]| names.iter().map(ToString::to_string).collect();
            let pass = Pass { kinds: list(kinds), messages: list(messages), ..Pass::default() };
            let all = Pass { nodes: vec!["alice".to_owned()], ..Pass::default() };
            Selection { passes: vec![all, pass], low_data: true }
        };
        let (addr, version) = ((Kind::Message, Some("addrv2")), (Kind::Message, Some("version")));
        let (closed, uptime) = ((Kind::ClosedConnection, None), (Kind::Uptime, None));
        let table = [
            (of(&[], &[]), [true; 4]),
            (of(&["rpc"], &[]), [false, false, false, true]),
            (of(&["addr-relay", "uptime"], &[]), [true, false, false, true]),
            (of(&["connections-with-handshakes"], &[]), [false, true, true, false]),
            (of(&[], &["version"]), [false, true, false, false]),
            (of(&["netmsg"], &["addrv2"]), [true, false, false, false]),
            (of(&["of_a_newer_version"], &[]), [true; 4]),
        ];
        for (selection, expected) in table {
            let found = [addr, version, closed, uptime].map(|(kind, message)| may_have(&selection, kind, message));
            assert_eq!(found, expected, "{}", SelectionText(&selection));
        }
    }

    fn first_of(selections: &mut Selections, node: &Arc<str>) -> Record {
        selections.before(&event(node, 1)).remove(0)
    }
}
