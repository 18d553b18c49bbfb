//! Everything that is wrong, not only the first thing.

use std::fmt;

use anyhow::{Error, Result};

/// Errors that have been found so far.
#[derive(Debug, Default)]
pub struct Problems(Vec<Error>);

impl Problems {
    /// What there is, or none after its error was noted.
    pub fn note<T>(&mut self, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.add(error)).ok()
    }

    /// Adds one.
    pub fn add(&mut self, error: Error) {
        self.0.extend(each(error));
    }

    /// All of them as one error, if there are any.
    ///
    /// # Errors
    /// There are some.
    pub fn into_result(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(self.into()) }
    }
}

/// The errors that one error is made of.
pub fn each(error: Error) -> Vec<Error> {
    error.downcast::<Problems>().map_or_else(|error| vec![error], |Problems(all)| all)
}

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<_> = self.0.iter().map(|error| format!("{error:#}")).collect();
        f.write_str(&all.join("\n"))
    }
}
