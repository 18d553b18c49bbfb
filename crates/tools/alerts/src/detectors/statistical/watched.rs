//! Series that are watched, by name: those of a detector at a node.

use prost::Message;
use smol_str::SmolStr;

use crate::statistics::{Saved, Series};

/// Something that is watched, its name, and its series as soon as anything is known of it.
#[derive(Debug)]
pub(super) struct Watched<W, S = Series> {
    pub what: W,
    pub name: SmolStr,
    pub series: Option<Box<S>>,
}

impl<W, S> Watched<W, S> {
    pub fn new(what: W, name: SmolStr) -> Self {
        Self { what, name, series: None }
    }
}

/// What is saved of a series.
pub(crate) trait Kept: Sized {
    /// What is known of it, for the next start.
    fn saved(&self) -> Saved;
    /// Whether it is known what is usual.
    fn is_known(&self) -> bool;
    /// What was saved.
    fn restored(saved: Saved) -> Self;
}

/// Of how many it is known what is usual, and how many there are.
pub(super) fn known<W, S: Kept>(list: &[Watched<W, S>]) -> (usize, usize) {
    let is_known = |watched: &&Watched<W, S>| watched.series.as_ref().is_some_and(|series| series.is_known());
    (list.iter().filter(is_known).count(), list.len())
}

/// What is known of all of them, by name.
pub(super) fn save<W, S: Kept>(list: &[Watched<W, S>]) -> impl Iterator<Item = (SmolStr, Vec<u8>)> {
    list.iter().filter_map(|watched| Some((watched.name.clone(), watched.series.as_ref()?.saved().encode_to_vec())))
}

/// Takes over what was saved of one. What cannot be read is left out.
pub(super) fn restore<W, S: Kept>(list: &mut [Watched<W, S>], name: &str, saved: &[u8]) {
    if let Some(watched) = list.iter_mut().find(|watched| watched.name == name)
        && let Ok(saved) = Saved::decode(saved)
    {
        watched.series = Some(Box::new(S::restored(saved)));
    }
}
