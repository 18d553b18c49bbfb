//! The run of the tracepoint extractor.

/// Notices that the tracepoint extractor began a new run: peer ids may begin anew then.
#[derive(Debug, Default)]
pub(crate) struct Run(u64);

impl Run {
    /// Whether this run is another one than that of the call before. The first call says no.
    #[inline]
    pub fn is_new(&mut self, run: u64) -> bool {
        if self.0 == run {
            return false;
        }
        let before = std::mem::replace(&mut self.0, run);
        before != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_new_once() {
        let mut run = Run::default();
        assert_eq!([5, 5, 6, 6].map(|number| run.is_new(number)), [false, false, true, false]);
    }
}
