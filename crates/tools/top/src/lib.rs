//! The tool `top`: nodes, their peers, messages and events in a terminal, as `top` shows processes.
//!
//! [`State`] folds events into what is known of the nodes. [`summary`] says it in one row per node; the screen and the lines of the
//! demo ([`lines()`]) are made from the same rows.

pub mod format;
mod lines;
mod run;
pub mod screen;
mod state;
mod summary;

pub use lines::{Live, lines};
pub use run::{Log, TopError, run, terminal_size};
pub use state::{Advice, Options, State};
pub use summary::{Level, Odd, Summary};
