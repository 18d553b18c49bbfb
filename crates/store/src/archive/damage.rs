//! What is missing in a file that is cut or damaged.

use std::fmt;

/// A part of a file that could not be read. What comes after it can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Where it begins: bytes from the beginning of the file.
    pub offset: u64,
    /// Bytes of the file that are not used, or not all of them.
    pub bytes: u64,
    /// Events in it, where the file's index says so.
    pub events: Option<u64>,
    /// What is wrong there.
    pub fault: Fault,
}

/// What is wrong with a part of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The file ends within it: its writer was killed, or writes still.
    Cut,
    /// It is not what was written, as its checksum shows.
    Damaged,
    /// It has no beginning that is known.
    Foreign,
    /// A record in it is longer than any may be.
    TooLong,
    /// A record in it is no event.
    NoEvent,
    /// It needs more memory to be read than a reader gives: a window of more than 128 MiB.
    Window,
    /// The system cannot read it.
    Unreadable,
}

impl Fault {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cut => "cut",
            Self::Damaged => "damaged",
            Self::Foreign => "foreign",
            Self::TooLong => "too_long",
            Self::NoEvent => "no_event",
            Self::Window => "window",
            Self::Unreadable => "unreadable",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Cut => "the file ends within a frame or record",
            Self::Damaged => "they are not what was written",
            Self::Foreign => "they are no frame",
            Self::TooLong => "a record there is longer than any may be",
            Self::NoEvent => "a record there is no event",
            Self::Window => "they need a window of more than 128 MiB",
            Self::Unreadable => "the system cannot read them",
        })
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { offset, bytes, events, fault } = self;
        write!(f, "{bytes} bytes from byte {offset} on")?;
        if let Some(events) = events {
            write!(f, ", with {events} events")?;
        }
        write!(f, ": {fault}")
    }
}
