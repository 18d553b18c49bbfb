//! Files of events, in the order in which they were written.
//!
//! The content is that of the original archiver: records, each after its length (varint). The first is an [`Header`], all others are
//! `event.Event`s as they are on the bus. It is compressed by zstd in frames that stand alone, in the seekable format 0.1.0, so that one part of
//! a file can be read without the others; every frame begins with a record. Before the table of frames is an [`Index`] of what is in each.
//! docs/archive.md describes the bytes.
//!
//! [`Writer`] writes files, and [`finish`] completes those of a writer that was killed. [`Archive`] is a file to read, [`Records`] are the events
//! in it that a filter lets pass, [`Merged`] those of several files by time.

mod bulk;
pub(crate) mod compress;
mod content;
mod damage;
mod error;
mod finish;
pub(crate) mod frame;
mod hash;
mod index;
pub(crate) mod keys;
pub(crate) mod layout;
mod mend;
mod merge;
mod name;
mod output;
mod place;
mod read;
mod records;
pub(crate) mod seek_table;
mod summary;
mod writer;

pub use bulk::{BulkWriter, Packed, Packer};
pub use content::{Header, MAX_RECORD, put_header, put_record};
pub use damage::{Damage, Fault};
pub use error::ArchiveError;
pub use finish::{Finished, finish};
pub use hash::{HASH_START, stable_hash};
pub use index::{Count, Frame, Index, Run};
pub use layout::{Form, Part, PartKind};
pub use merge::{Merged, merge};
pub use name::{FileName, UnfinishedName, files};
pub use place::{Object, Place, ReadAt};
pub use read::Archive;
pub use records::Records;
pub use summary::Summary;
pub use writer::{Durable, Options, Writer};
