//! The screen: what is shown of the state, and what keys do.

mod app;
mod draw;
mod events;
mod help;
mod messages;
mod nodes;
mod peers;
mod table;

use std::io;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use ratatui::crossterm::event::{Event, KeyEvent, KeyEventKind, poll, read};
use ratatui::{DefaultTerminal, Frame};

use crate::run::Log;
use crate::state::State;
use app::App;

/// How often the screen is drawn anew.
const REFRESH: Duration = Duration::from_millis(500);
/// How long it may take until an end is noticed.
const PATIENCE: Duration = Duration::from_millis(100);

/// Shows the state on the terminal until a key or `ended` says so. The terminal is left as it was, also after a panic.
///
/// # Errors
/// The terminal cannot be drawn on.
pub(crate) fn show(state: &Mutex<State>, color: bool, log: &Log, ended: impl Fn() -> bool) -> io::Result<()> {
    let terminal = ratatui::try_init()?;
    let shown = follow(terminal, state, Screen::new(color), log, ended);
    ratatui::try_restore().and(shown)
}

fn follow(
    mut terminal: DefaultTerminal,
    state: &Mutex<State>,
    mut screen: Screen,
    log: &Log,
    ended: impl Fn() -> bool,
) -> io::Result<()> {
    let mut refreshed: Option<Instant> = None;
    while !ended() {
        if refreshed.is_none_or(|at| at.elapsed() >= REFRESH) {
            refreshed = Some(Instant::now());
            screen.note(log());
            screen.refresh(&state.lock());
        }
        terminal.draw(|frame| screen.draw(frame))?;
        let left = refreshed.map_or(Duration::ZERO, |at| REFRESH.saturating_sub(at.elapsed()));
        if !wait(left, &ended)? {
            continue;
        }
        match read()? {
            Event::Key(key) if key.kind != KeyEventKind::Release => {
                if !screen.key(key, &state.lock()) {
                    break;
                }
            }
            Event::Resize(..) => terminal.autoresize()?,
            _ => {}
        }
    }
    Ok(())
}

/// Waits until something can be read, the time is over, or the end has come. Whether something can be read.
fn wait(time: Duration, ended: &impl Fn() -> bool) -> io::Result<bool> {
    let end = Instant::now() + time;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if poll(left.min(PATIENCE))? {
            return Ok(true);
        }
        if left.is_zero() || ended() {
            return Ok(false);
        }
    }
}

/// What is shown, without the terminal.
pub struct Screen(App);

impl Screen {
    /// All nodes, nothing selected.
    #[must_use]
    pub fn new(color: bool) -> Self {
        Self(App::new(color))
    }

    /// Takes over the state, unless it is paused.
    pub fn refresh(&mut self, state: &State) {
        self.0.refresh(state);
    }

    /// Shows what the program logged about itself.
    pub fn note(&mut self, line: Option<String>) {
        self.0.note = line;
    }

    /// Does what a key says. False if it says to leave.
    pub fn key(&mut self, key: KeyEvent, state: &State) -> bool {
        self.0.key(key, state)
    }

    /// Draws it.
    pub fn draw(&mut self, frame: &mut Frame) {
        draw::draw(&mut self.0, frame);
    }
}
