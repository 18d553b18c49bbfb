//! What is selected, and what keys do.

use std::sync::Arc;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::table::{Column, Row, RowId, sort};
use super::{events, messages, nodes, peers};
use crate::state::{Entry, State};
use crate::summary::Summary;

/// Peers that are shown at most. Of a fleet with more, one node is looked at after the other.
const MAX_PEERS: usize = 5_000;
/// Characters of a filter.
const MAX_FILTER: usize = 100;

/// What is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    #[default]
    Nodes,
    Peers,
    Messages,
    Events,
}

impl View {
    pub const ALL: [Self; 4] = [Self::Nodes, Self::Peers, Self::Messages, Self::Events];

    pub fn title(self) -> &'static str {
        match self {
            Self::Nodes => "Nodes",
            Self::Peers => "Peers",
            Self::Messages => "Messages",
            Self::Events => "Events",
        }
    }

    /// Columns of its table. Events have none.
    pub fn columns(self) -> &'static [Column] {
        match self {
            Self::Nodes => nodes::COLUMNS,
            Self::Peers => peers::COLUMNS,
            Self::Messages => messages::COLUMNS,
            Self::Events => &[],
        }
    }
}

/// What is remembered of each view.
#[derive(Debug, Default)]
pub struct Look {
    /// Column that is sorted by, and whether the largest comes first. None: as at first.
    pub sort: Option<(usize, bool)>,
    /// In lower case.
    pub filter: String,
    /// The selected row, and where it was.
    selected: RowId,
    place: usize,
    /// The first row that is drawn. Of events: how many newer ones are not.
    pub first: usize,
}

/// The state as it is shown: it stays while the screen is paused.
#[derive(Default)]
pub struct Shown {
    pub now_ns: u64,
    pub summaries: Vec<Summary>,
    pub rows: [Vec<Row>; 3],
    pub events: Vec<Arc<Entry>>,
    pub from: messages::From,
    /// Peers, those that are too many included.
    pub peers: usize,
}

/// The screen.
#[derive(Default)]
pub struct App {
    pub color: bool,
    pub view: View,
    pub looks: [Look; 4],
    /// The node that is looked at; none: all.
    pub node: Option<Arc<str>>,
    /// The peer of it that is looked at; none: all.
    pub peer: Option<u64>,
    pub is_paused: bool,
    pub is_typing: bool,
    /// The first line of the help that is shown, while it is.
    pub help: Option<usize>,
    pub shown: Shown,
    /// What the program logged about itself.
    pub note: Option<String>,
    /// Rows that fitted when it was drawn last.
    pub page: usize,
}

impl App {
    pub fn new(color: bool) -> Self {
        Self { color, page: 10, ..Self::default() }
    }

    /// The node that what is shown is of; none: all, as in the table of nodes.
    pub fn of_node(&self) -> Option<&Arc<str>> {
        self.node.as_ref().filter(|_| self.view != View::Nodes)
    }

    /// The peer that what is shown is of; none: all.
    pub fn of_peer(&self) -> Option<u64> {
        self.peer.filter(|_| matches!(self.view, View::Messages | View::Events))
    }

    pub fn look(&self) -> &Look {
        let [nodes, peers, messages, events] = &self.looks;
        match self.view {
            View::Nodes => nodes,
            View::Peers => peers,
            View::Messages => messages,
            View::Events => events,
        }
    }

    pub fn look_mut(&mut self) -> &mut Look {
        let [nodes, peers, messages, events] = &mut self.looks;
        match self.view {
            View::Nodes => nodes,
            View::Peers => peers,
            View::Messages => messages,
            View::Events => events,
        }
    }

    /// The column that is sorted by, and whether the largest comes first.
    pub fn sorted_by(&self) -> (usize, bool) {
        self.look().sort.unwrap_or(match self.view {
            View::Nodes | View::Events => (0, false),
            View::Peers => (peers::ID, false),
            View::Messages if self.shown.from == messages::From::Rpc => (messages::BYTES_IN, true),
            View::Messages => (messages::IN, true),
        })
    }

    /// Takes over the state, unless it is paused.
    pub fn refresh(&mut self, state: &State) {
        if !self.is_paused {
            self.take(state, false);
        }
    }

    /// Takes over the state: of all views, or of this one only.
    fn take(&mut self, state: &State, of_all: bool) {
        let now_ns = state.now_ns();
        let is_wanted = |view| of_all || self.view == view;
        let (node, peer) = (self.node.as_deref(), self.peer);
        let of_node = || state.nodes.iter().filter(move |(name, _)| node.is_none_or(|node| ***name == *node));
        let summaries = state.summaries();
        let [mut of_nodes, mut of_peers, mut of_messages] = [const { Vec::new() }; 3];
        let mut from = self.shown.from;
        if is_wanted(View::Nodes) {
            of_nodes = summaries.iter().map(nodes::row).collect();
        }
        if is_wanted(View::Peers) {
            let all = of_node().flat_map(|(name, node)| node.model.peers.open().map(move |peer| (name, node, peer)));
            of_peers = all.take(MAX_PEERS).map(|(name, node, peer)| peers::row(name, node, peer, now_ns)).collect();
        }
        if is_wanted(View::Messages) {
            let is_traced = of_node().any(|(_, node)| !node.seen.messages.traced.is_empty());
            from = if is_traced { messages::From::Tracepoints } else { messages::From::Rpc };
            let of_peers = of_node().flat_map(|(_, node)| node.model.peers.open());
            let of_peers = of_peers.filter(|open| peer.is_none_or(|peer| open.id == peer));
            of_messages = match (from, peer) {
                (messages::From::Rpc, _) => messages::rows(of_peers.map(|peer| &peer.details.polled), from, now_ns),
                (_, Some(_)) => messages::rows(of_peers.map(|peer| &peer.details.traced), from, now_ns),
                (_, None) => messages::rows(of_node().map(|(_, node)| &node.seen.messages.traced), from, now_ns),
            };
        }
        let events = if is_wanted(View::Events) {
            state.events.all().filter(|entry| events::is_about(entry, node, peer)).cloned().collect()
        } else {
            Vec::new()
        };
        let peers = of_node().map(|(_, node)| node.model.peers.open().len()).sum();
        self.shown = Shown { now_ns, summaries, rows: [of_nodes, of_peers, of_messages], events, from, peers };
    }

    /// The rows of the view that pass its filter, in their order.
    pub fn rows(&self) -> Vec<&Row> {
        let [of_nodes, of_peers, of_messages] = &self.shown.rows;
        let all = match self.view {
            View::Nodes => of_nodes,
            View::Peers => of_peers,
            View::Messages => of_messages,
            View::Events => return Vec::new(),
        };
        let mut rows: Vec<&Row> = all.iter().filter(|row| row.contains(&self.look().filter)).collect();
        let (column, descending) = self.sorted_by();
        sort(&mut rows, column, descending);
        rows
    }

    /// The place of the selected row. If it is not there any more, that of the one which took its place.
    pub fn selected(&self, rows: &[&Row]) -> usize {
        let look = self.look();
        let place = rows.iter().position(|row| row.id == look.selected).unwrap_or(look.place);
        place.min(rows.len().saturating_sub(1))
    }

    /// Moves the selection by so many rows.
    fn step(&mut self, by: isize) {
        if self.view == View::Events {
            let all = self.shown.events.len();
            let first = &mut self.look_mut().first;
            *first = first.saturating_add_signed(-by).min(all);
            return;
        }
        let rows = self.rows();
        let place = self.selected(&rows).saturating_add_signed(by).min(rows.len().saturating_sub(1));
        let id = rows.get(place).map(|row| row.id.clone()).unwrap_or_default();
        let look = self.look_mut();
        (look.place, look.selected) = (place, id);
    }

    /// Does what a key says. False if it says to leave.
    pub fn key(&mut self, key: KeyEvent, state: &State) -> bool {
        if key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL) {
            return false;
        }
        let page = isize::try_from(self.page.max(2) - 1).unwrap_or(1);
        if let Some(first) = self.help {
            self.help = match key.code {
                KeyCode::Up | KeyCode::Char('k') => Some(first.saturating_sub(1)),
                KeyCode::Down | KeyCode::Char('j') => Some(first.saturating_add(1)),
                KeyCode::PageUp => Some(first.saturating_add_signed(-page)),
                KeyCode::PageDown | KeyCode::Char(' ') => Some(first.saturating_add_signed(page)),
                _ => None,
            };
            return true;
        }
        if self.is_typing {
            self.type_filter(key.code);
            return true;
        }
        match key.code {
            KeyCode::Char('q') => return false,
            KeyCode::Char('?' | 'h') => self.help = Some(0),
            KeyCode::Char('1') => self.turn(View::Nodes, state),
            KeyCode::Char('2') => self.turn(View::Peers, state),
            KeyCode::Char('3') => self.turn(View::Messages, state),
            KeyCode::Char('4') => self.turn(View::Events, state),
            KeyCode::Tab => self.turn_by(1, state),
            KeyCode::BackTab => self.turn_by(3, state),
            KeyCode::Up | KeyCode::Char('k') => self.step(-1),
            KeyCode::Down | KeyCode::Char('j') => self.step(1),
            KeyCode::PageUp => self.step(-page),
            KeyCode::PageDown => self.step(page),
            KeyCode::Home | KeyCode::Char('g') => self.step(isize::MIN + 1),
            KeyCode::End | KeyCode::Char('G') => self.step(isize::MAX),
            KeyCode::Char('>' | 's') | KeyCode::Right => self.sort_by(1),
            KeyCode::Char('<' | 'S') | KeyCode::Left => self.sort_by(-1),
            KeyCode::Char('r') => {
                let (column, descending) = self.sorted_by();
                self.look_mut().sort = Some((column, !descending));
            }
            KeyCode::Char('/') => self.is_typing = true,
            KeyCode::Char(' ' | 'p') => {
                self.is_paused = !self.is_paused;
                self.take(state, self.is_paused);
            }
            KeyCode::Char('n') => self.next_node(1, state),
            KeyCode::Char('N') => self.next_node(-1, state),
            KeyCode::Enter => self.open(state),
            KeyCode::Esc | KeyCode::Backspace => self.back(state),
            _ => {}
        }
        true
    }

    fn type_filter(&mut self, code: KeyCode) {
        let filter = &mut self.look_mut().filter;
        match code {
            KeyCode::Enter => self.is_typing = false,
            KeyCode::Esc => {
                filter.clear();
                self.is_typing = false;
            }
            KeyCode::Backspace => drop(filter.pop()),
            KeyCode::Char(c) if !c.is_control() && filter.chars().count() < MAX_FILTER => {
                filter.extend(c.to_lowercase());
            }
            _ => {}
        }
        self.look_mut().first = 0;
    }

    /// Looks at something else. What is paused stays as it is.
    fn turn(&mut self, view: View, state: &State) {
        self.view = view;
        self.refresh(state);
    }

    fn turn_by(&mut self, by: usize, state: &State) {
        let place = View::ALL.iter().position(|view| *view == self.view).unwrap_or_default();
        let next = View::ALL.iter().cycle().nth(place + by).copied().unwrap_or_default();
        self.turn(next, state);
    }

    /// Looks at another node or peer: what is paused is taken anew.
    fn aim(&mut self, node: Option<Arc<str>>, peer: Option<u64>, view: View, state: &State) {
        (self.node, self.peer, self.view) = (node, peer, view);
        self.take(state, self.is_paused);
    }

    fn sort_by(&mut self, by: isize) {
        let columns = self.view.columns();
        let (column, descending) = self.sorted_by();
        let shown: Vec<usize> = (0..columns.len())
            .filter(|index| columns.get(*index).is_some_and(|c| c.rank != super::table::HIDDEN))
            .collect();
        let place = shown.iter().position(|index| *index == column).unwrap_or_default();
        if shown.is_empty() {
            return;
        }
        let next = place.wrapping_add_signed(by).checked_rem(shown.len()).unwrap_or_default();
        let next = if place == 0 && by < 0 { shown.len() - 1 } else { next };
        self.look_mut().sort = shown.get(next).map(|column| (*column, descending));
    }

    /// Goes to the next node, past the last one to all.
    fn next_node(&mut self, by: isize, state: &State) {
        let names = state.names();
        let place = self.node.as_ref().and_then(|node| names.iter().position(|name| name == node));
        let next = match (place, by > 0) {
            (None, true) => names.first(),
            (None, false) => names.last(),
            (Some(place), _) => place.checked_add_signed(by).and_then(|place| names.get(place)),
        };
        let view = if self.view == View::Nodes { View::Peers } else { self.view };
        self.aim(next.cloned(), None, view, state);
    }

    /// Goes from a node to its peers, and from a peer to its messages.
    fn open(&mut self, state: &State) {
        let rows = self.rows();
        let Some(id) = rows.get(self.selected(&rows)).map(|row| row.id.clone()) else { return };
        match self.view {
            View::Nodes => {
                self.step(0);
                self.aim(Some(id.node), None, View::Peers, state);
            }
            View::Peers => {
                self.step(0);
                self.aim(Some(id.node), id.peer, View::Messages, state);
            }
            View::Messages | View::Events => {}
        }
    }

    /// Goes back: without the filter, to all peers, to all nodes.
    fn back(&mut self, state: &State) {
        if !self.look().filter.is_empty() {
            self.look_mut().filter.clear();
        } else if self.peer.is_some() {
            self.aim(self.node.clone(), None, View::Peers, state);
        } else if self.node.is_some() {
            self.aim(None, None, View::Nodes, state);
        } else {
            self.turn(View::Nodes, state);
        }
    }
}
