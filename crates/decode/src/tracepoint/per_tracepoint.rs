//! A value for each tracepoint.

use std::ops::{Index, IndexMut};

use super::Tracepoint;

/// One value for each tracepoint, indexed by it. Every index is valid, since there is a value for each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct PerTracepoint<T>([T; Tracepoint::COUNT]);

impl<T> PerTracepoint<T> {
    /// The value that `make` gives for each tracepoint.
    pub fn from_fn(make: impl FnMut(Tracepoint) -> T) -> Self {
        Self(Tracepoint::ALL.map(make))
    }

    /// Each tracepoint and its value, in the order of [`Tracepoint::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Tracepoint, &T)> {
        Tracepoint::ALL.iter().copied().zip(&self.0)
    }
}

#[expect(clippy::indexing_slicing, reason = "discriminants count from 0 to below COUNT, the length of the array")]
impl<T> Index<Tracepoint> for PerTracepoint<T> {
    type Output = T;

    fn index(&self, tracepoint: Tracepoint) -> &T {
        &self.0[tracepoint as usize]
    }
}

#[expect(clippy::indexing_slicing, reason = "discriminants count from 0 to below COUNT, the length of the array")]
impl<T> IndexMut<Tracepoint> for PerTracepoint<T> {
    fn index_mut(&mut self, tracepoint: Tracepoint) -> &mut T {
        &mut self.0[tracepoint as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tracepoint_has_a_value_of_its_own() {
        let mut names = PerTracepoint::from_fn(|tracepoint| tracepoint.name().to_owned());
        for tracepoint in *Tracepoint::ALL {
            assert_eq!(names[tracepoint], tracepoint.name());
            names[tracepoint].push('!');
        }
        assert!(names.iter().all(|(tracepoint, name)| *name == format!("{}!", tracepoint.name())));
        assert_eq!(names.iter().count(), Tracepoint::COUNT);
    }
}
