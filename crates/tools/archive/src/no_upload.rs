//! Takes the place of the uploads where the program was built without stores.

use std::path::Path;

use bus::Bus;

/// Where complete files go: there is no such place.
#[derive(Clone, Debug)]
pub enum Upload {}

#[derive(Clone, Debug)]
pub(crate) struct Uploads;

impl Uploads {
    pub fn start(_: Option<&Upload>, _: &Path, _: &str, _: &Bus) -> Self {
        Self
    }

    pub fn ready(&self) {}

    pub fn completed(&self) {}

    pub fn is_safe(&self, _: &Path, _: u64) -> bool {
        true
    }

    pub async fn end(&self) {}
}
