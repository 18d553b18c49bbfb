//! What is known of a node, derived once from its events, for all tools. All of it is bounded ([`bounds`]), as events carry untrusted input.

pub mod bounded;
pub mod bounds;
pub mod text;
