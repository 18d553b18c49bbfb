//! Enrichment of addresses: the sets they are in, and their autonomous systems.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use tracing::warn;

use crate::asmap::Asmap;
use crate::file::Stamp;
use crate::sets::{SetMask, SetSource, Sets};

/// The files that enrichment is read from.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// Files with sets of networks.
    pub sets: Vec<SetSource>,
    /// The map of autonomous systems, in the format of `bitcoind -asmap`.
    pub asmap: Option<PathBuf>,
}

impl Files {
    /// All of them: what must stay readable, as they are read again when they change.
    pub fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.sets.iter().map(|set| &set.path).chain(&self.asmap)
    }
}

/// Sets of networks and a map of autonomous systems, as they were last read.
#[derive(Clone, Debug)]
pub struct Enrichment {
    generation: u64,
    loaded_ns: u64,
    sets: Arc<Sets>,
    asmap: Option<Arc<Asmap>>,
    asmap_file: Option<(PathBuf, Stamp)>,
}

impl Default for Enrichment {
    /// The sets that are built in, and no map.
    fn default() -> Self {
        Self::new(Sets::builtin(), None, None)
    }
}

impl Enrichment {
    fn new(sets: Sets, asmap: Option<Arc<Asmap>>, asmap_file: Option<(PathBuf, Stamp)>) -> Self {
        static GENERATION: AtomicU64 = AtomicU64::new(1);
        let generation = GENERATION.fetch_add(1, Ordering::Relaxed);
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let loaded_ns = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
        Self { generation, loaded_ns, sets: Arc::new(sets), asmap, asmap_file }
    }

    /// Reads the files. What cannot be read stays as it was before, and a warning is logged.
    ///
    /// # Errors
    /// A file cannot be read and there was nothing before: a sentence that names the file and the reason.
    pub fn read(files: &Files, before: Option<&Self>) -> Result<Self, String> {
        let (sets, warnings) =
            Sets::load(&files.sets, before.map(|before| &*before.sets)).map_err(|cause| cause.to_string())?;
        warnings.iter().for_each(|warning| warn!("{warning}"));
        let Some(path) = &files.asmap else { return Ok(Self::new(sets, None, None)) };
        let stamp = Some((path.clone(), Stamp::of(path))); // before it is read
        let asmap = match (Asmap::load(path), before) {
            (Ok(asmap), _) => Some(Arc::new(asmap)),
            (Err(cause), Some(before)) => {
                warn!("{cause}; the map of before stays in use");
                before.asmap.clone()
            }
            (Err(cause), None) => return Err(cause.to_string()),
        };
        Ok(Self::new(sets, asmap, stamp))
    }

    /// Whether a file was changed, added or removed since this was read.
    pub fn changed(&self) -> bool {
        self.sets.changed() || self.asmap_file.as_ref().is_some_and(|(path, before)| Stamp::of(path) != *before)
    }

    /// A number that differs between any two that were read in this process.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// When this was read, in nanoseconds since the UNIX epoch.
    pub fn loaded_ns(&self) -> u64 {
        self.loaded_ns
    }

    /// Names of all sets, and how many networks each has.
    pub fn sets(&self) -> impl Iterator<Item = (&str, usize)> {
        self.sets.sizes()
    }

    /// The sets that an address is in, as a mask.
    pub fn sets_of(&self, ip: IpAddr) -> SetMask {
        self.sets.of(ip)
    }

    /// Names of the sets in a mask.
    pub fn names(&self, sets: SetMask) -> impl Iterator<Item = &str> {
        sets.indexes().filter_map(|index| self.sets.names().get(index)).map(String::as_str)
    }

    /// Whether an address is in the set with this name.
    pub fn is_in(&self, sets: SetMask, name: &str) -> bool {
        !sets.is_empty() && self.sets.index(name).is_some_and(|index| sets.has(index))
    }

    /// Whether the set with this name has any network: those that need a file are empty without it.
    pub fn has(&self, name: &str) -> bool {
        self.sets().any(|(of, networks)| of == name && networks > 0)
    }

    /// Whether there is a map of autonomous systems.
    pub fn has_asmap(&self) -> bool {
        self.asmap.is_some()
    }

    /// The number of the autonomous system of an address, by the asmap file; none if the file does not map the address, or there is no
    /// file.
    pub fn asn_of(&self, ip: IpAddr) -> Option<u32> {
        self.asmap.as_ref()?.lookup(ip)
    }
}
