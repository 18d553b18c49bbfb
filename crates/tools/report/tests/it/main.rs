//! Reports of a fixed incident, in all forms.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod forms;
mod machines;
mod page;
mod redacted;
mod scene;
