//! Named sets of networks: entities that are watched, ban lists, exits of Tor.

mod file;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use thiserror::Error;

use crate::file::Stamp;

/// Sets at the most: an address's sets fit into a number of so many bits.
pub const MAX_SETS: usize = 64;

/// Sets that are there without a file: their names and networks. LinkingLion: bnoc.xyz, its ranges until 2025-12-05 and since; bitprojects:
/// shut down on 2026-03-31.
const BUILT_IN: [(&str, &str); 6] = [
    ("linkinglion", "143.20.137.0/24 31.58.215.0/24 87.229.79.0/24 2602:f5c0:0:ace::/64 104.234.118.2 69.17.52.1"),
    ("linkinglion_pre2026", "162.218.65.0/24 209.222.252.0/24 91.198.115.0/24 199.116.84.0/24 2604:d500:4:1::/64"),
    (
        "bitprojects",
        "89.106.27.0/24 66.163.223.0/24 45.40.98.0/24 23.100.246.0/24 216.107.135.0/24 206.206.109.0/24 203.11.72.0/24 \
         184.174.95.0/24 174.140.231.0/24 173.46.87.0/24 104.204.253.0/24 104.204.252.0/24 103.47.56.0/24 103.246.186.0/24",
    ),
    ("monero_banlist", ""),
    ("gmax_banlist", ""),
    ("tor_exit", ""),
];

/// A set that comes from a file, or a folder of files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetSource {
    /// Its name: lower case letters, digits and underscores, 64 at the most. One of those that are built in is replaced.
    pub name: String,
    /// A list, a TOML file, or a folder of such files.
    pub path: PathBuf,
}

/// A set that cannot be used at all.
#[derive(Debug, Error)]
pub enum SetError {
    /// Its name is none.
    #[error("{0:?} is no name of a set: use up to 64 lower case letters, digits and underscores")]
    Name(String),
    /// There are too many.
    #[error("there are more than {MAX_SETS} sets of networks, with those that are built in")]
    TooMany,
    /// A file cannot be read.
    #[error("set {name}: cannot read {}: {cause}", path.display())]
    Io {
        /// Name of the set.
        name: String,
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        cause: String,
    },
}

/// Something in a file that was passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Name of the set.
    pub set: String,
    /// Where and what.
    pub text: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "set {}: {}", self.set, self.text)
    }
}

/// The sets that an address is in: a bit for each, by its position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SetMask(u64);

impl SetMask {
    /// Whether it is in none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether it is in the set at a position.
    pub fn has(self, index: usize) -> bool {
        index < MAX_SETS && self.0 >> index & 1 == 1
    }

    /// Positions of its sets.
    pub fn indexes(self) -> impl Iterator<Item = usize> {
        (0..MAX_SETS).filter(move |index| self.has(*index))
    }
}

/// Named sets of networks.
#[derive(Clone, Debug, Default)]
pub struct Sets {
    names: Vec<String>,
    v4: Ranges<u32>,
    v6: Ranges<u128>,
    /// What the files looked like when they were read.
    stamps: Vec<(PathBuf, Stamps)>,
    /// Of each set, for the time when its file cannot be read any more.
    networks: Vec<Vec<IpNet>>,
}

/// Those of a file, or of all in a folder.
type Stamps = Vec<(PathBuf, Stamp)>;

impl Sets {
    /// Those that are built in.
    pub fn builtin() -> Self {
        Self::build(builtin(), Vec::new())
    }

    /// Those that are built in and those from files. Lines that cannot be read are passed over, and told. Of a file that cannot be read, what
    /// was there before stays.
    ///
    /// # Errors
    /// A name is none, there are too many sets, or a file cannot be read and nothing was there before.
    pub fn load(sources: &[SetSource], before: Option<&Self>) -> Result<(Self, Vec<Warning>), SetError> {
        let mut sets = builtin();
        let mut warnings = Vec::new();
        let mut stamps = Vec::new();
        let mut replaced: Vec<&str> = Vec::new();
        for SetSource { name, path } in sources {
            let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
                return Err(SetError::Name(name.clone()));
            }
            stamps.push((path.clone(), stamps_of(path))); // before it is read: a change in between is seen later
            let kept = before.and_then(|before| before.networks.get(before.index(name)?));
            let (networks, passed_over) = match (file::read(path), kept) {
                (Ok(read), _) => read,
                (Err(cause), Some(kept)) => {
                    let told = format!("cannot read {}: {cause}; its networks of before stay in use", path.display());
                    (kept.clone(), vec![told])
                }
                (Err(cause), None) => return Err(SetError::Io { name: name.clone(), path: path.clone(), cause }),
            };
            warnings.extend(passed_over.into_iter().map(|text| Warning { set: name.clone(), text }));
            let index = sets.iter().position(|(known, _)| known == name);
            let index = index.unwrap_or_else(|| {
                sets.push((name.clone(), Vec::new()));
                sets.len() - 1
            });
            let Some((_, of_set)) = sets.get_mut(index) else { continue };
            if !replaced.contains(&name.as_str()) {
                replaced.push(name); // several files of one name are one set
                of_set.clear();
            }
            of_set.extend(networks);
        }
        if sets.len() > MAX_SETS {
            return Err(SetError::TooMany);
        }
        Ok((Self::build(sets, stamps), warnings))
    }

    fn build(sets: Vec<(String, Vec<IpNet>)>, stamps: Vec<(PathBuf, Stamps)>) -> Self {
        let mut v4: BTreeMap<u32, Vec<(u32, u64)>> = BTreeMap::new();
        let mut v6: BTreeMap<u128, Vec<(u128, u64)>> = BTreeMap::new();
        let (mut names, mut kept) = (Vec::new(), Vec::new());
        for (index, (name, networks)) in sets.into_iter().enumerate() {
            let networks = IpNet::aggregate(&networks);
            for network in &networks {
                match network {
                    IpNet::V4(net) => {
                        v4.entry(net.network().to_bits()).or_default().push((net.broadcast().to_bits(), 1 << index));
                    }
                    IpNet::V6(net) => {
                        v6.entry(net.network().to_bits()).or_default().push((net.broadcast().to_bits(), 1 << index));
                    }
                }
            }
            names.push(name);
            kept.push(networks);
        }
        Self { names, v4: Ranges::new(v4), v6: Ranges::new(v6), stamps, networks: kept }
    }

    /// The sets that an address is in.
    pub fn of(&self, ip: IpAddr) -> SetMask {
        SetMask(match ip.to_canonical() {
            IpAddr::V4(v4) => self.v4.find(v4.to_bits()),
            IpAddr::V6(v6) => self.v6.find(v6.to_bits()),
        })
    }

    /// Names of all sets, in the order of their positions.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Names of all sets, and how many networks each has.
    pub fn sizes(&self) -> impl Iterator<Item = (&str, usize)> {
        self.names.iter().map(String::as_str).zip(self.networks.iter().map(Vec::len))
    }

    /// Position of a set.
    pub fn index(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| known == name)
    }

    /// Whether a file has changed, come or gone since it was read.
    pub fn changed(&self) -> bool {
        self.stamps.iter().any(|(path, before)| stamps_of(path) != *before)
    }
}

fn builtin() -> Vec<(String, Vec<IpNet>)> {
    let networks = |text: &str| text.split_whitespace().filter_map(file::network).collect();
    BUILT_IN.iter().map(|(name, text)| ((*name).to_owned(), networks(text))).collect()
}

fn stamps_of(path: &Path) -> Stamps {
    let files = file::files(path).unwrap_or_default();
    files.into_iter().map(|file| (file.clone(), Stamp::of(&file))).collect()
}

/// Addresses in ascending order: from each start on the sets are known, up to the next one.
#[derive(Clone, Debug, Default)]
struct Ranges<A> {
    starts: Vec<A>,
    masks: Vec<u64>,
}

/// A number that is an address.
trait Address: Copy + Ord {
    fn next(self) -> Option<Self>;
}

impl Address for u32 {
    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }
}

impl Address for u128 {
    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }
}

impl<A: Address> Ranges<A> {
    /// From networks by their first address: the last address and the bit of the set.
    fn new(networks: BTreeMap<A, Vec<(A, u64)>>) -> Self {
        let mut edges: BTreeMap<A, [Vec<u64>; 2]> = BTreeMap::new();
        for (first, all) in networks {
            for (last, bit) in all {
                edges.entry(first).or_default()[0].push(bit);
                if let Some(after) = last.next() {
                    edges.entry(after).or_default()[1].push(bit);
                }
            }
        }
        let (mut starts, mut masks, mut mask) = (Vec::new(), Vec::new(), 0);
        for (address, [begin, end]) in edges {
            // Networks of one set were joined: they don't overlap.
            end.iter().for_each(|bit| mask &= !bit);
            begin.iter().for_each(|bit| mask |= bit);
            starts.push(address);
            masks.push(mask);
        }
        Self { starts, masks }
    }

    fn find(&self, address: A) -> u64 {
        let after = self.starts.partition_point(|start| *start <= address);
        after.checked_sub(1).and_then(|index| self.masks.get(index)).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests;
