//! Counts that a node or its process began at its start: of how they are shown, nobody learns when that was.

use std::collections::HashMap;
use std::sync::Arc;

use smol_str::SmolStr;

/// Counts that are known.
const MAX_COUNTS: usize = 65_536;

/// What counts had reached before they were shown for the first time.
#[derive(Debug, Default)]
pub(super) struct Before(HashMap<(Arc<str>, SmolStr), f64>);

impl Before {
    /// How much a count of a node has grown since it was shown for the first time. One that is lower than it was then began anew.
    pub(super) fn grown(&mut self, node: &Arc<str>, count: &str, value: f64) -> f64 {
        let key = (Arc::clone(node), SmolStr::new(count));
        if !self.0.contains_key(&key) && self.0.len() >= MAX_COUNTS {
            return 0.0;
        }
        let before = self.0.entry(key).or_insert(value);
        if value < *before {
            *before = 0.0;
        }
        value - *before
    }

    /// The same of a whole number.
    pub(super) fn grown_by(&mut self, node: &Arc<str>, count: &str, value: u64) -> u64 {
        self.grown(node, count, value as f64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_before_is_not_shown() {
        let (mut before, node) = (Before::default(), Arc::from("alice"));
        let shown: Vec<u64> =
            [700, 700, 750, 3, 9].iter().map(|value| before.grown_by(&node, "bytes", *value)).collect();
        assert_eq!(shown, [0, 0, 50, 3, 9]);
        assert_eq!(before.grown_by(&"bob".into(), "bytes", 40), 0);
    }
}
