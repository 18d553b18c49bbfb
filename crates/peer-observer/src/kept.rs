//! What is kept of alerts, and what people decided about them: one database for all tools of a process.

use std::path::PathBuf;

use alert_state::Store;
use anyhow::Result;
use tracing::warn;

use crate::tool::{KeptAt, Scene, Tool};

/// Opens the database for the tools that are started: the one that a tool of them keeps, or else that of another
/// process, if it is there and a tool shows it. None for events that are not of now: what people decide has nothing to
/// do with them.
///
/// # Errors
/// A tool keeps one, and it cannot be used.
pub fn open<'a>(
    tools: impl Iterator<Item = &'a dyn Tool> + Clone,
    elsewhere: Option<PathBuf>,
    scene: &Scene,
) -> Result<Option<Store>> {
    if scene.is_recorded {
        return Ok(None);
    }
    if let Some(kept) = tools.clone().find_map(Tool::keeps_alerts) {
        return Ok(Some(match kept {
            KeptAt::File(path) => Store::open(&path)?,
            KeptAt::Memory => Store::in_memory()?,
        }));
    }
    let Some(path) = elsewhere.filter(|path| path.is_file() && tools.clone().any(Tool::shows_alerts)) else {
        return Ok(None);
    };
    let opened = Store::open(&path);
    Ok(opened.inspect_err(|error| warn!("alerts are shown without what people decided about them: {error}")).ok())
}
