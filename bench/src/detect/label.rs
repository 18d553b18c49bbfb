//! What is known of a recording, in a file beside it.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use event::time::nanoseconds;
use serde_json::{Value, json};
use testbed::Strength;
use testbed::cases::{ALL, Case, Played};

const FILE: &str = "label.json";

/// What is known of a recording.
#[derive(Clone, Debug)]
pub struct Label {
    /// The case that was played.
    pub case: Case,
    /// In which form.
    pub strength: Strength,
    /// What its actors chose follows from it.
    pub seed: u64,
    /// When observation began, nanoseconds since the UNIX epoch.
    pub observed_ns: u64,
    /// When what the case is about began.
    pub began_ns: u64,
    /// When it ended.
    pub ended_ns: u64,
}

impl Label {
    /// That of a case which was played and observed.
    pub fn new(case: Case, strength: Strength, seed: u64, observed: SystemTime, played: Played) -> Self {
        let ns = |time: SystemTime| nanoseconds(time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO));
        let (began_ns, ended_ns) = (ns(played.began), ns(played.ended));
        Self { case, strength, seed, observed_ns: ns(observed), began_ns, ended_ns }
    }

    /// Name of the form.
    pub fn form(&self) -> &'static str {
        form(self.strength)
    }

    /// Writes it into the folder of the recording, with the detectors that must find something for those who read it elsewhere.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let Self { case, strength, seed, observed_ns, began_ns, ended_ns } = self;
        let label = json!({
            "case": case.name(), "about": case.scenario.about, "form": form(*strength), "seed": seed,
            "must": case.must(*strength), "may": case.may, "within_seconds": case.within,
            "observed_ns": observed_ns, "began_ns": began_ns, "ended_ns": ended_ns,
        });
        Ok(std::fs::write(folder.join(FILE), format!("{label:#}\n"))?)
    }

    /// Reads that of a recording. Which detectors must find it is what the program knows of the case now.
    ///
    /// # Errors
    /// It cannot be read, or is of a case that there is no more.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        let label: Value = serde_json::from_slice(&std::fs::read(&path)?)?;
        let text = |name: &str| {
            label.get(name).and_then(Value::as_str).with_context(|| format!("{}: no {name}", path.display()))
        };
        let number = |name: &str| {
            label.get(name).and_then(Value::as_u64).with_context(|| format!("{}: no {name}", path.display()))
        };
        let name = text("case")?;
        let case = *ALL.iter().find(|case| case.name() == name).with_context(|| format!("there is no case {name}"))?;
        let strength = if text("form")? == form(Strength::Weak) { Strength::Weak } else { Strength::Strong };
        let [seed, observed_ns, began_ns, ended_ns] =
            [number("seed")?, number("observed_ns")?, number("began_ns")?, number("ended_ns")?];
        Ok(Self { case, strength, seed, observed_ns, began_ns, ended_ns })
    }
}

/// Name of a form.
pub fn form(strength: Strength) -> &'static str {
    match strength {
        Strength::Weak => "weak",
        Strength::Strong => "strong",
    }
}

/// The folders of recordings in a folder, in the order of their names.
///
/// # Errors
/// It cannot be read.
pub fn recordings(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let folders = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.join(FILE).exists());
    let mut folders: Vec<PathBuf> = folders.collect();
    folders.sort();
    Ok(folders)
}
