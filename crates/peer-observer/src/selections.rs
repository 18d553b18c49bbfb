//! What was left out of archives when they were written: those who draw conclusions from what is not there are to know it.

use std::sync::Arc;

use event::pb::observer::Selection;
use event::quote::Quoted;
use event::selection::SelectionText;
use store::archive::{Archive, Place};
use tracing::warn;

/// Statements that are remembered of archives, and those that are logged.
const MAX: usize = 1_000;
pub const NAMED: usize = 5;

/// What was left out of the events of each node, each statement once. Archives that cannot be read are passed over.
pub fn of(places: &[Place]) -> Vec<(Arc<str>, Selection)> {
    let mut selections = Vec::new();
    for archive in places.iter().filter_map(|place| Archive::open(place.clone()).ok()) {
        for selection in archive.selections() {
            if selections.len() < MAX && !selections.contains(&selection) {
                selections.push(selection);
            }
        }
    }
    selections
}

/// Logs it.
pub fn log(selections: &[(Arc<str>, Selection)]) {
    for (node, selection) in selections.iter().take(NAMED) {
        let (node, text) = (Quoted(node), SelectionText(selection));
        warn!("not all events of node {node} were recorded: {text}; what is missing was neither quiet nor lost");
    }
    let more = selections.len().saturating_sub(NAMED);
    if more > 0 {
        warn!("there are {more} more such selections: `archive info` shows them");
    }
}
