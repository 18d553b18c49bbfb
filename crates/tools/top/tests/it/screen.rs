//! Golden screens, and what keys do.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::Color;
use top::State;
use top::screen::Screen;

use crate::play::{NOON, Play, node_state};

struct Show {
    screen: Screen,
    terminal: Terminal<TestBackend>,
}

impl Show {
    fn new(width: u16, height: u16, color: bool) -> Self {
        Self { screen: Screen::new(color), terminal: Terminal::new(TestBackend::new(width, height)).unwrap() }
    }

    /// Presses keys: characters, and `\n` for Enter, `\u{1b}` for Esc, `\t` for Tab, `\u{2193}` for Down.
    fn press(&mut self, keys: &str, state: &State) -> &mut Self {
        for key in keys.chars() {
            let code = match key {
                '\n' => KeyCode::Enter,
                '\u{1b}' => KeyCode::Esc,
                '\t' => KeyCode::Tab,
                '\u{2193}' => KeyCode::Down,
                key => KeyCode::Char(key),
            };
            assert!(self.screen.key(KeyEvent::new(code, KeyModifiers::NONE), state), "{key:?} leaves");
        }
        self
    }

    /// What is on the screen after keys.
    fn after(&mut self, keys: &str, state: &State) -> String {
        self.screen.refresh(state);
        self.press(keys, state).screen.refresh(state);
        self.text()
    }

    fn text(&mut self) -> String {
        let screen = &mut self.screen;
        self.terminal.draw(|frame| screen.draw(frame)).unwrap();
        let buffer = self.terminal.backend().buffer();
        let width = usize::from(buffer.area.width);
        let lines = buffer.content.chunks(width);
        let lines = lines.map(|cells| cells.iter().map(ratatui::buffer::Cell::symbol).collect::<String>());
        lines.map(|line| line.trim_end().to_owned() + "\n").collect()
    }
}

fn shown(width: u16, height: u16, keys: &str) -> String {
    Show::new(width, height, true).after(keys, &Play::all().state)
}

#[test]
fn nodes() {
    insta::assert_snapshot!("nodes_80x24", shown(80, 24, ""));
    insta::assert_snapshot!("nodes_160x40", shown(160, 40, "↓"));
    insta::assert_snapshot!("nodes_40x10", shown(40, 10, ""));
}

#[test]
fn peers() {
    insta::assert_snapshot!("peers_80x24", shown(80, 24, "2"));
    insta::assert_snapshot!("peers_160x40", shown(160, 40, "\nr"));
}

#[test]
fn messages() {
    insta::assert_snapshot!("messages_80x24", shown(80, 24, "3"));
    insta::assert_snapshot!("messages_of_a_peer", shown(80, 24, "\n\n"));
    insta::assert_snapshot!("messages_without_tracepoints", shown(80, 24, "nn3"));
}

#[test]
fn events_and_help() {
    insta::assert_snapshot!("events_120x24", shown(120, 24, "4"));
    insta::assert_snapshot!("help_80x30", shown(80, 30, "2?"));
    assert!(shown(80, 12, "2?     ").contains("protocol version and user agent"), "the rest of it");
    assert!(shown(120, 24, "4/nowhere\n").contains("nothing has the text of the filter"));
}

#[test]
fn a_dead_node_looks_dead() {
    let mut play = Play::all();
    for second in 901..912 {
        let gone = serde_json::json!({ "state": "GONE", "since_ns": ((NOON + 901) * 1_000_000_000).to_string(), "reason": "process 123 has ended" });
        play.status(second, "alice", "rpc", Some(gone));
        play.status(second, "bob", "rpc", Some(node_state("HANGING")));
        play.state.tick();
    }
    insta::assert_snapshot!("nodes_dead", Show::new(80, 24, true).after("", &play.state));
}

#[test]
fn keys_filter_sort_pause_and_go_back() {
    let mut play = Play::all();
    let mut show = Show::new(100, 24, false);
    let text = show.after("2/onion\n", &play.state);
    assert!(text.contains("filter \"onion\"") && text.contains(".onion") && !text.contains("203.0.113"), "{text}");
    let text = show.after("\u{1b}>", &play.state);
    assert!(text.contains("203.0.113.1:9333") && text.contains("by address"), "{text}");
    // Each key: peers of a node, messages of its first peer, and back again.
    let text = show.after("1\n\n", &play.state);
    assert!(text.contains("[3 Messages]") && text.contains(" peer 1 ") && text.contains("getdata"), "{text}");
    assert!(show.after("\u{1b}", &play.state).contains("[2 Peers]"));
    assert!(show.after("\u{1b}", &play.state).contains("[1 Nodes]"));
    // The table of nodes is of all nodes.
    assert!(show.after("\n1", &play.state).contains(" nodes, "));
    show.after("\u{1b}", &play.state);
    // What is paused stays, in each view.
    show.after(" ", &play.state);
    for second in 900..905 {
        play.message(second, 1, true, "sendcmpct", 9);
    }
    let text = show.after("3", &play.state);
    assert!(text.contains("PAUSED") && !text.contains("sendcmpct"), "{text}");
    assert!(show.after(" ", &play.state).contains("sendcmpct"));
    let leave = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert!(!show.screen.key(leave, &play.state));
    assert!(!show.screen.key(KeyEvent::new(KeyCode::Char('q'), KeyModifiers::NONE), &play.state));
}

#[test]
fn any_size_and_no_colors() {
    let play = Play::all();
    for (width, height) in [(1, 1), (3, 2), (20, 5), (79, 23), (300, 100)] {
        let mut show = Show::new(width, height, false);
        for key in ["1", "2", "3", "4", "?", "?/x", "\u{1b}↓", "s", "r", " "] {
            show.after(key, &play.state);
            let buffer = show.terminal.backend().buffer();
            let cells = || buffer.content.iter();
            assert!(cells().all(|cell| (cell.fg, cell.bg) == (Color::Reset, Color::Reset)), "{width}x{height}");
            assert!(!cells().any(|cell| cell.symbol().chars().any(char::is_control)));
        }
    }
    // With colors, only those that each terminal has.
    let mut show = Show::new(160, 40, true);
    for key in ["1", "2", "3", "4"] {
        show.after(key, &play.state);
        let named = |color: Color| !matches!(color, Color::Rgb(..) | Color::Indexed(_));
        assert!(show.terminal.backend().buffer().content.iter().all(|cell| named(cell.fg) && named(cell.bg)));
    }
}

#[test]
fn a_flood_is_bounded() {
    let mut play = Play::all();
    for number in 0..30_000 {
        play.message(899, number % 3_000, true, &format!("x{number}"), 10);
    }
    let text = Show::new(100, 24, false).after("3", &play.state);
    assert!(text.contains("(other)") && !text.contains("x1"), "{text}");
    let text = Show::new(100, 24, false).after("2", &play.state);
    assert!(text.contains("peers"), "{text}");
}

#[test]
fn our_own_connection_is_shown_and_in_no_count() {
    let mut play = Play::all();
    let peers = |play: &Play| play.state.summaries()[0].peers;
    assert_eq!(peers(&play), Some((3, 3)));
    let listening = serde_json::json!({ "way": "LISTENING", "our_address": "[2001:db8::7]:8333" });
    play.at(899, "alice", "p2p", "connection_expected", listening);
    assert_eq!(peers(&play), Some((3, 2)));
    let text = Show::new(120, 24, false).after("\n", &play.state);
    let row = text.lines().find(|line| line.contains("[2001:db8::7]:8333")).unwrap();
    assert!(row.contains("ours") && !row.contains("manual"), "{row}");
}
