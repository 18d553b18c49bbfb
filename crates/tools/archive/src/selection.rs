//! Which events an archive gets.

use std::borrow::Cow;

use event::Record;
use event::pb::observer::Pass;
pub use event::select::{Select, SelectionError};

/// Which events an archive gets, and how much of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    /// What is in any of these; everything if there are none.
    pub only: Vec<Select>,
    /// Without raw transactions, and without the transactions of blocks.
    pub low_data: bool,
}

impl Selection {
    /// Whether an event goes to the archive. What the archiver itself has to say of gaps always does.
    pub fn matches(&self, record: &Record) -> bool {
        self.only.is_empty() || self.only.iter().any(|select| select.matches(record))
    }

    /// An event as the archive gets it.
    pub fn bytes<'a>(&self, record: &'a Record) -> Cow<'a, [u8]> {
        let low = if self.low_data { record.bytes_low_data() } else { None };
        low.map_or_else(|| Cow::Borrowed(&**record.bytes()), |bytes| Cow::Owned(bytes.to_vec()))
    }

    /// What an archive states of it; none if everything is selected.
    pub fn pass(&self) -> Option<Pass> {
        let kinds: Vec<String> = self.only.iter().map(ToString::to_string).collect();
        (!kinds.is_empty()).then(|| Pass { kinds, ..Pass::default() })
    }

    /// How it is written on a command line; none if everything is selected.
    pub fn text(&self) -> Option<String> {
        let names: Vec<String> = self.only.iter().map(ToString::to_string).collect();
        (!names.is_empty()).then(|| format!("--archive-only {}", names.join(",")))
    }
}
