//! The events of archives as others may see them: see [`redact`].

use std::sync::Arc;

use event::pb::observer::Pass;
use event::select::Select;
use event::{Filter, Record};
use redact::Redactor;

use crate::archive::{Archive, ArchiveError, Place};

/// Makes the events of archives public. It must get all of them, since it learns from them what must not be shown.
#[derive(Debug)]
pub struct Public {
    redactor: Redactor,
    only: Vec<Select>,
}

impl Public {
    /// Makes events public by this redactor, and of them only what is in any of these; everything that may be if there are none.
    pub fn new(redactor: Redactor, only: Vec<Select>) -> Self {
        Self { redactor, only }
    }

    /// Learns what must not be shown from all events, before the first one is shown. What cannot be read is passed over: it is not shown either.
    ///
    /// # Errors
    /// A file cannot be opened.
    pub fn learn(&mut self, places: &[Place]) -> Result<(), ArchiveError> {
        for place in places {
            let records = Archive::open(place.clone())?.records(Filter::default());
            records.flatten().for_each(|record| self.redactor.see(&record));
        }
        Ok(())
    }

    /// An event as others may see it; none if it is not to be shown, or the filter does not let it pass.
    pub fn show(&mut self, record: &Record, filter: &Filter) -> Option<Record> {
        if filter.matches(record) && self.is_chosen(record) {
            return self.redactor.redact(record);
        }
        self.redactor.withhold(record);
        None
    }

    /// An event that says something of the others, such as what was left out of them.
    pub fn statement(&mut self, record: &Record) -> Option<Record> {
        self.redactor.redact(record)
    }

    /// The name under which a node is shown; none if it is not.
    pub fn name(&self, node: &str) -> Option<Arc<str>> {
        self.redactor.name(node)
    }

    /// What is to be stated of what is left out; none if nothing is but what nobody sees.
    pub fn pass(&self) -> Option<Pass> {
        let kinds: Vec<String> = self.only.iter().map(ToString::to_string).collect();
        (!kinds.is_empty()).then(|| Pass { kinds, ..Pass::default() })
    }

    fn is_chosen(&self, record: &Record) -> bool {
        self.only.is_empty() || self.only.iter().any(|select| select.matches(record))
    }
}
