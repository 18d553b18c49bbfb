//! The latest events, one line each.

use std::sync::Arc;

use crate::state::Entry;

/// Whether an event is about a node and a peer.
pub fn is_about(entry: &Entry, node: Option<&str>, peer: Option<u64>) -> bool {
    node.is_none_or(|node| *entry.node == *node) && (peer.is_none() || entry.peer == peer)
}

/// Those that fit on a page, oldest first: they end `back` lines before the newest one that has the word. And how many have it.
pub fn page<'a>(all: &'a [Arc<Entry>], word: &str, back: usize, height: usize) -> (Vec<&'a Entry>, usize) {
    let matching: Vec<&Entry> = all
        .iter()
        .map(AsRef::as_ref)
        .filter(|entry| word.is_empty() || entry.line().to_lowercase().contains(word))
        .collect();
    let end = matching.len().saturating_sub(back).max(height.min(matching.len()));
    let start = end.saturating_sub(height);
    (matching.get(start..end).unwrap_or_default().to_vec(), matching.len())
}
