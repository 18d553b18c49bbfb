//! The screen and the lines, from events to characters.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod lines;
mod play;
mod screen;
