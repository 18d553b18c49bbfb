//! What to poll, and how often.

use std::time::Duration;

use event::pb::rpc_extractor::FeeEstimateMode;
use event::similar::instead;

use crate::method::{METHODS, Method};

/// The shortest interval: a typing error must not keep the node busy.
const MIN_INTERVAL: Duration = Duration::from_millis(10);

/// What to poll, and how often.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long a call may take. Default: 30 s.
    pub timeout: Duration,
    /// Targets of `estimatesmartfee`, in blocks. Default: 2, 6, 36, 144 and 1008.
    pub fee_targets: Vec<u32>,
    /// Modes of `estimatesmartfee`; each target is asked for in each mode. Default: economical and conservative.
    pub fee_modes: Vec<FeeEstimateMode>,
    /// By position in the table of methods.
    intervals: Vec<Option<Duration>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            fee_targets: vec![2, 6, 36, 144, 1008],
            fee_modes: vec![FeeEstimateMode::Economical, FeeEstimateMode::Conservative],
            intervals: METHODS.iter().map(|method| Some(method.interval)).collect(),
        }
    }
}

/// A method that is not polled by this program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no RPC {0:?} that can be polled; {instead}", instead = instead(.0, METHODS.iter().map(|method| method.name)))]
pub struct UnknownMethod(pub String);

impl Options {
    /// How often `method` is polled; none if it is off or not known.
    #[must_use]
    pub fn interval(&self, method: &str) -> Option<Duration> {
        self.polled().find(|(m, _)| m.name == method).map(|(_, interval)| interval)
    }

    /// Polls `method` every `interval` (at least 10 ms), or not at all.
    ///
    /// # Errors
    /// There is no such method; the error names the one that may be meant, or those that there are.
    pub fn set_interval(&mut self, method: &str, interval: Option<Duration>) -> Result<(), UnknownMethod> {
        let mut known = METHODS.iter().zip(&mut self.intervals);
        let (_, slot) = known.find(|(m, _)| m.name == method).ok_or_else(|| UnknownMethod(method.to_owned()))?;
        *slot = interval.map(|interval| interval.max(MIN_INTERVAL));
        Ok(())
    }

    /// All methods, and how often each is polled; none if it is off.
    pub fn intervals(&self) -> impl Iterator<Item = (&'static str, Option<Duration>)> {
        METHODS.iter().zip(&self.intervals).map(|(method, interval)| (method.name, *interval))
    }

    /// The methods that are polled, with their intervals.
    pub(crate) fn polled(&self) -> impl Iterator<Item = (&'static Method, Duration)> {
        METHODS.iter().zip(&self.intervals).filter_map(|(method, interval)| Some((method, (*interval)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_by_name() {
        let mut options = Options::default();
        assert_eq!(options.interval("getpeerinfo"), Some(Duration::from_secs(10)));
        assert_eq!(options.interval("getrawaddrman"), Some(Duration::from_secs(300)));
        options.set_interval("getpeerinfo", Some(Duration::ZERO)).unwrap();
        options.set_interval("getrawaddrman", None).unwrap();
        assert_eq!(options.interval("getpeerinfo"), Some(MIN_INTERVAL));
        assert_eq!(options.interval("getrawaddrman"), None);
        let error = options.set_interval("getpeerinfos", None).unwrap_err().to_string();
        assert!(error.contains("\"getpeerinfos\"") && error.contains("did you mean \"getpeerinfo\"?"), "{error}");
    }
}
