//! The screen: what is shown of the state, and what keys do.

mod app;
mod draw;
mod events;
mod help;
mod keyboard;
mod messages;
mod nodes;
mod peers;
mod table;

use std::io;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use ratatui::crossterm::event::{Event, KeyEvent, KeyEventKind};
use ratatui::{DefaultTerminal, Frame};

use crate::run::Log;
use crate::state::State;
use app::App;
use keyboard::Keyboard;

/// How often the screen is drawn anew.
const REFRESH: Duration = Duration::from_millis(500);

/// Shows the state on the terminal until a key or `ended` says so. The terminal is left as it was, also after a panic.
///
/// # Errors
/// The terminal cannot be drawn on.
pub(crate) fn show(state: &Mutex<State>, color: bool, log: &Log, ended: impl Fn() -> bool) -> io::Result<()> {
    let keyboard = Keyboard::open()?;
    let shown = ratatui::try_init().and_then(|mut terminal| {
        let shown = follow(&mut terminal, &keyboard, state, Screen::new(color), log, ended);
        if terminal.show_cursor().is_err() {
            // It would say so on standard error, which may have hung up too.
            std::mem::forget(terminal);
        }
        shown
    });
    let restored = ratatui::try_restore();
    // Of a terminal that hung up, the first error says so.
    shown.and(restored)
}

fn follow(
    terminal: &mut DefaultTerminal,
    keyboard: &Keyboard,
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
        match keyboard.wait(left, &ended)? {
            Some(Event::Key(key)) if key.kind != KeyEventKind::Release && !screen.key(key, &state.lock()) => break,
            Some(Event::Resize(..)) => terminal.autoresize()?,
            _ => {}
        }
    }
    Ok(())
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
