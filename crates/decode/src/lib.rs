//! Untrusted bytes become events here: pure functions without I/O or clock, one module per interface,
//! one file per family of inputs. What is not understood becomes an "unknown" event with its bytes; nothing fails,
//! nothing panics, nothing is dropped.

pub mod log;
pub mod message;
mod proto;
pub mod tracepoint;
