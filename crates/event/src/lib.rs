//! What an event is: its wire form, its subject, its text and JSON forms. No I/O.
//!
//! Extractors make a [`Body`] and hand it to the bus, which wraps it in a [`Record`]: the body, or its encoded
//! bytes, and an [`Envelope`] with what filters need. Either form is made from the other on first use.

mod address;
pub mod filter;
pub mod json;
pub mod kind;
pub mod message;
pub mod message_types;
pub mod names;
mod numbers;
pub mod original;
pub mod overlay;
pub mod quote;
mod raw;
pub mod record;
mod reported;
pub mod requests;
pub mod select;
pub mod selection;
pub mod similar;
pub mod subject;
pub mod text;
pub mod time;
mod wire;

/// The wire format, compiled from `proto/`.
#[allow(missing_docs, clippy::all, clippy::pedantic, unused_qualifications, rustdoc::all)]
pub mod pb {
    include!(concat!(env!("OUT_DIR"), "/pb.rs"));
}

/// The numbers of the wire format's fields, generated from `proto/`: `field::PACKAGE::MESSAGE::FIELD`.
#[allow(missing_docs, clippy::module_inception)]
pub mod field {
    include!(concat!(env!("OUT_DIR"), "/fields.rs"));
}

/// The wire format described by itself: an encoded `google.protobuf.FileDescriptorSet`.
pub const DESCRIPTOR: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptor.bin"));

pub use filter::Filter;
pub use kind::{Kind, Source};
/// What happened: the arm of an event that its extractor fills.
pub use pb::event::event::PeerObserverEvent as Body;
pub use quote::HashText;
pub use record::{Content, Described, Direction, Encoded, Envelope, NodeNames, Record, WireError, addr_of};
