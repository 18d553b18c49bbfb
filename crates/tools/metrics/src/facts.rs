//! What addresses tell: the sets they are in, and their autonomous systems.

pub use networks::{Facts, Files, SetMask as Sets};
