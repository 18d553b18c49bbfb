//! Named sets of networks: entities that are watched, ban lists, exits of Tor.

mod file;

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use prefix_trie::joint::JointPrefixMap;
use thiserror::Error;

pub use self::file::Entry;
use crate::file::Stamp;

/// The most sets: those of an address are the bits of a `u64`.
pub const MAX_SETS: usize = 64;

/// The longest name of a set, in bytes.
const MAX_NAME: usize = 64;

/// Names and networks of the sets that need no file. Source: bnoc.xyz. LinkingLion has two sets, with its ranges until 2025-12-05 and since
/// then; bitprojects was shut down on 2026-03-31.
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
    /// Its name: 1 to 64 lower case letters, digits and underscores. A built-in set of this name is replaced.
    pub name: String,
    /// A list, a TOML file, or a folder of such files.
    pub path: PathBuf,
}

/// A set that cannot be used at all.
#[derive(Debug, Error)]
pub enum SetError {
    /// Its name cannot be used.
    #[error("{0:?} is no name of a set: use up to 64 lower case letters, digits and underscores")]
    Name(String),
    /// There are more than [`MAX_SETS`].
    #[error("there are more than {MAX_SETS} sets of networks, with those that are built in")]
    TooMany,
    /// A file cannot be read.
    #[error("set {name}: cannot read {}: {cause}", path.display())]
    Io {
        /// Name of the set.
        name: String,
        /// The file or folder.
        path: PathBuf,
        /// The reason, as the end of a sentence.
        cause: String,
    },
    /// There is no set of this name.
    #[error("there is no set {name:?}: there are {}; name its file in [networks.sets], or with --set {name}=FILE", known.join(", "))]
    Unknown {
        /// The name.
        name: String,
        /// Names of those that there are.
        known: Vec<String>,
    },
}

/// Something in a file that was skipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Name of the set.
    pub set: String,
    /// File and line, and what is wrong there.
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
    /// Whether the address is in no set.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the address is in the set at a position; see [`Sets::names`].
    pub fn has(self, index: usize) -> bool {
        index < MAX_SETS && self.0 >> index & 1 == 1
    }

    /// Positions of the sets that the address is in, in ascending order.
    pub fn indexes(self) -> impl Iterator<Item = usize> {
        (0..MAX_SETS).filter(move |index| self.has(*index))
    }
}

/// Named sets of networks.
#[derive(Clone, Debug, Default)]
pub struct Sets {
    names: Vec<String>,
    /// Of each network, a bit for each set that has it.
    masks: JointPrefixMap<IpNet, u64>,
    /// The paths as configured, and what their files looked like when they were read.
    stamps: Vec<(PathBuf, Stamps)>,
    /// The networks of each set, joined where they touch. They are kept for the time when the set's file cannot be read any more.
    networks: Vec<Vec<IpNet>>,
}

/// Each file of a path, which is one file or a folder of them, and its stamp.
type Stamps = Vec<(PathBuf, Stamp)>;

impl Sets {
    /// The sets that are built in.
    pub fn builtin() -> Self {
        Self::build(builtin(), Vec::new())
    }

    /// The sets that are built in and those from files. Several files of one name are one set; it replaces one that is built in. Lines
    /// that cannot be read are skipped, with a warning. A set whose file cannot be read keeps the networks that it had `before`.
    ///
    /// # Errors
    /// A name cannot be used, there are too many sets, or a file cannot be read and nothing was there before.
    pub fn load(sources: &[SetSource], before: Option<&Self>) -> Result<(Self, Vec<Warning>), SetError> {
        let mut sets = builtin();
        let mut warnings = Vec::new();
        let mut stamps = Vec::new();
        let mut replaced: Vec<&str> = Vec::new();
        for source in sources {
            let SetSource { name, path } = source;
            source.check_name()?;
            stamps.push((path.clone(), stamps_of(path))); // before it is read: a change in between is seen later
            let kept = before.and_then(|before| before.networks.get(before.index(name)?));
            let (networks, skipped) = source.read(kept)?;
            warnings.extend(skipped.into_iter().map(|text| Warning { set: name.clone(), text }));
            match sets.iter_mut().find(|(known, _)| known == name) {
                Some((_, of_set)) if replaced.contains(&name.as_str()) => of_set.extend(networks),
                Some((_, of_set)) => *of_set = networks,
                None => sets.push((name.clone(), networks)),
            }
            replaced.push(name);
        }
        if sets.len() > MAX_SETS {
            return Err(SetError::TooMany);
        }
        Ok((Self::build(sets, stamps), warnings))
    }

    fn build(sets: Vec<(String, Vec<IpNet>)>, stamps: Vec<(PathBuf, Stamps)>) -> Self {
        let mut built = Self { stamps, ..Self::default() };
        for (index, (name, networks)) in sets.into_iter().enumerate() {
            let networks = IpNet::aggregate(&networks);
            for network in &networks {
                *built.masks.entry(*network).or_default() |= 1 << index;
            }
            built.names.push(name);
            built.networks.push(networks);
        }
        built
    }

    /// The sets that an address is in. IPv4 addresses within IPv6 ones (::ffff:0:0/96) are IPv4.
    pub fn of(&self, ip: IpAddr) -> SetMask {
        let around = self.masks.cover_values(&ip.to_canonical().into());
        SetMask(around.fold(0, |all, mask| all | mask))
    }

    /// Names of all sets, in the order of their positions.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Names of all sets, and how many networks each has.
    pub fn sizes(&self) -> impl Iterator<Item = (&str, usize)> {
        self.names.iter().map(String::as_str).zip(self.networks.iter().map(Vec::len))
    }

    /// Position of a set; none if there is no set of this name.
    pub fn index(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| known == name)
    }

    /// Whether a file was changed, added or removed since the sets were read.
    pub fn changed(&self) -> bool {
        self.stamps.iter().any(|(path, before)| stamps_of(path) != *before)
    }
}

/// The networks of a set as its files list them, also those within others, with the ends of their bans; or those of a
/// built-in set, if no file is given for it. Besides, what was skipped.
///
/// # Errors
/// There is no such set, or a file cannot be read.
pub fn entries(sources: &[SetSource], name: &str) -> Result<(Vec<Entry>, Vec<Warning>), SetError> {
    let mut of_name = sources.iter().filter(|source| source.name == name).peekable();
    if of_name.peek().is_none() {
        let builtin = builtin();
        let found = builtin.iter().find(|(known, _)| known == name);
        let (_, networks) = found.ok_or_else(|| {
            let known = builtin.iter().map(|(known, _)| known).chain(sources.iter().map(|source| &source.name));
            let mut known: Vec<String> = known.cloned().collect();
            known.sort_unstable();
            known.dedup();
            SetError::Unknown { name: name.to_owned(), known }
        })?;
        return Ok((networks.iter().map(|network| Entry { network: *network, until_s: None }).collect(), Vec::new()));
    }
    let (mut entries, mut warnings) = (Vec::new(), Vec::new());
    for source in of_name {
        source.check_name()?;
        let failed = |cause| SetError::Io { name: name.to_owned(), path: source.path.clone(), cause };
        let (of_source, skipped) = file::read(&source.path).map_err(failed)?;
        entries.extend(of_source);
        warnings.extend(skipped.into_iter().map(|text| Warning { set: name.to_owned(), text }));
    }
    Ok((entries, warnings))
}

impl SetSource {
    fn check_name(&self) -> Result<(), SetError> {
        let name = &self.name;
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(fits) {
            return Err(SetError::Name(name.clone()));
        }
        Ok(())
    }

    /// The networks, and a sentence on each thing that was skipped. If nothing can be read, the networks that were there before.
    fn read(&self, before: Option<&Vec<IpNet>>) -> Result<(Vec<IpNet>, Vec<String>), SetError> {
        match (file::read(&self.path), before) {
            (Ok((entries, skipped)), _) => Ok((entries.into_iter().map(|entry| entry.network).collect(), skipped)),
            (Err(cause), Some(before)) => {
                let path = self.path.display();
                let warning = format!("cannot read {path}: {cause}; its networks of before stay in use");
                Ok((before.clone(), vec![warning]))
            }
            (Err(cause), None) => Err(SetError::Io { name: self.name.clone(), path: self.path.clone(), cause }),
        }
    }
}

fn builtin() -> Vec<(String, Vec<IpNet>)> {
    let networks = |text: &str| text.split_whitespace().filter_map(file::network).collect();
    BUILT_IN.iter().map(|(name, text)| ((*name).to_owned(), networks(text))).collect()
}

fn stamps_of(path: &Path) -> Stamps {
    let files = file::files(path).unwrap_or_default();
    let all = files.into_iter().flat_map(|file| file::companions(&file).into_iter().chain([file]));
    all.map(|file| (file.clone(), Stamp::of(&file))).collect()
}

#[cfg(test)]
mod tests;
