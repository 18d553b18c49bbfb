//! What a server has not, or does not permit: remembered for a while, so that it is not asked in vain each time, which some log.

use std::time::Instant;

use parking_lot::Mutex;

use super::{REMEMBERED, SourceError};

/// Methods of one server that are withheld. There are only as many as the code has names for.
#[derive(Debug, Default)]
pub(super) struct Withheld(Mutex<Vec<(&'static str, Instant, SourceError)>>);

impl Withheld {
    /// Why a method is not to be called.
    pub fn get(&self, method: &str) -> Option<SourceError> {
        let mut withheld = self.0.lock();
        withheld.retain(|(_, since, _)| since.elapsed() < REMEMBERED);
        withheld.iter().find(|(name, ..)| *name == method).map(|(.., error)| error.clone())
    }

    /// Calls a method, if it is not withheld as far as is known. That it is, is remembered; that the server is away, makes all be forgotten: it may
    /// come back with another configuration.
    pub async fn call<T>(
        &self,
        method: &'static str,
        call: impl Future<Output = Result<T, SourceError>>,
    ) -> Result<T, SourceError> {
        if let Some(error) = self.get(method) {
            return Err(error);
        }
        let outcome = call.await;
        match &outcome {
            Err(error) if error.is_withheld() => {
                let mut withheld = self.0.lock();
                withheld.retain(|(name, ..)| *name != method);
                withheld.push((method, Instant::now(), error.clone()));
            }
            Err(SourceError::Unreachable(_)) => self.forget(),
            _ => {}
        }
        outcome
    }

    /// Forgets all: the server may be another run.
    pub fn forget(&self) {
        self.0.lock().clear();
    }
}
