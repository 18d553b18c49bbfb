//! Who mined a block, by its coinbase: pools by a file, else the text that the miner put there.
//!
//! The file is JSON in one of two common forms: an object with `coinbase_tags` and `payout_addresses`, or a list of pools with `tags` and
//! `addresses`, as mempool.space has it. What a coinbase says, anybody can write: it names a pool, and proves nothing.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use bitcoin::address::NetworkUnchecked;
use bitcoin::{Address, ScriptBuf, Transaction};
use event::quote::Plain;
use serde::Deserialize;

/// The largest file, in bytes.
const MAX_FILE: u64 = 8 << 20;
/// Tags of a file at most. All of them are looked for in each coinbase.
const MAX_TAGS: usize = 10_000;
/// Addresses of a file at most.
const MAX_ADDRESSES: usize = 200_000;
/// The longest tag, in bytes: as long as what a coinbase has besides its height.
const MAX_TAG: usize = 100;
/// The shortest tag, in bytes. Shorter ones are in many coinbases by chance.
const MIN_TAG: usize = 3;
/// Characters of an error in the form that are shown at most.
const MAX_ERROR: usize = 200;
/// Bytes of a name at most.
pub const MAX_NAME: usize = 64;
/// The shortest text of a coinbase that is taken for one: shorter ones come by chance.
const MIN_TEXT: usize = 4;

/// Who mined a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Miner {
    /// The name of the pool, or the text of the coinbase: printable, at most [`MAX_NAME`] bytes.
    pub name: String,
    /// It is the name of a pool that is known.
    pub pool: bool,
}

/// Pools, and what they are recognized by.
#[derive(Clone, Debug, Default)]
pub struct Pools {
    names: Vec<String>,
    /// The longest first: the more a tag says, the surer it is.
    tags: Vec<Tag>,
    scripts: HashMap<ScriptBuf, usize>,
    ignored: usize,
}

#[derive(Clone, Debug)]
struct Tag {
    /// In lower case if case does not matter.
    bytes: Vec<u8>,
    any_case: bool,
    pool: usize,
}

/// Why a file of pools cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PoolsError {
    /// It cannot be read.
    #[error("cannot read the file of pools {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It has another form, or is too large.
    #[error(
        "the file of pools {} cannot be used: {what}; give a JSON file with coinbase_tags and payout_addresses, or mempool's pools-v2.json",
        path.display()
    )]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

/// The form of an object.
#[derive(Deserialize)]
struct ByTag {
    #[serde(default)]
    coinbase_tags: BTreeMap<String, Named>,
    #[serde(default)]
    payout_addresses: BTreeMap<String, Named>,
}

/// An entry of the form of a list.
#[derive(Deserialize)]
struct Listed {
    name: String,
    #[serde(default)]
    addresses: Vec<String>,
    #[serde(default)]
    tags: Vec<String>,
}

impl Pools {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, or is none of pools.
    pub fn read(path: &Path) -> Result<Self, PoolsError> {
        let unreadable = |source| PoolsError::Read { path: path.to_owned(), source };
        let mut text = Vec::new();
        let file = std::fs::File::open(path).map_err(unreadable)?;
        file.take(MAX_FILE + 1).read_to_end(&mut text).map_err(unreadable)?;
        Self::parse(&text).map_err(|what| PoolsError::Form { path: path.to_owned(), what })
    }

    /// Takes the content of a file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        if text.len() as u64 > MAX_FILE {
            return Err(format!("it is larger than {MAX_FILE} bytes"));
        }
        // It may have a text of the file in it.
        let json = |error: serde_json::Error| {
            Plain(&error.to_string().chars().take(MAX_ERROR).collect::<String>()).to_string()
        };
        let mut pools = Self::default();
        let mut numbers = HashMap::new();
        if text.trim_ascii_start().starts_with(b"[") {
            let listed: Vec<Listed> = serde_json::from_slice(text).map_err(json)?;
            for Listed { name, addresses, tags } in listed {
                let pool = pools.number(&name, &mut numbers);
                tags.iter().for_each(|tag| pools.add_tag(tag, true, pool));
                addresses.iter().for_each(|address| pools.add_address(address, pool));
            }
        } else {
            let ByTag { coinbase_tags, payout_addresses } = serde_json::from_slice(text).map_err(json)?;
            for (tag, Named { name }) in coinbase_tags {
                let pool = pools.number(&name, &mut numbers);
                pools.add_tag(&tag, false, pool);
            }
            for (address, Named { name }) in payout_addresses {
                let pool = pools.number(&name, &mut numbers);
                pools.add_address(&address, pool);
            }
        }
        if pools.tags.is_empty() && pools.scripts.is_empty() {
            return Err("there is no pool in it".to_owned());
        }
        if pools.tags.len() > MAX_TAGS || pools.scripts.len() > MAX_ADDRESSES {
            return Err(format!("it has more than {MAX_TAGS} tags or {MAX_ADDRESSES} addresses"));
        }
        pools.tags.sort_by_key(|tag| std::cmp::Reverse(tag.bytes.len()));
        Ok(pools)
    }

    /// The number of a pool by its name.
    fn number(&mut self, name: &str, numbers: &mut HashMap<String, usize>) -> usize {
        let name = Some(printable(name.as_bytes(), true)).filter(|name| !name.is_empty());
        let name = name.unwrap_or_else(|| "unnamed".to_owned());
        *numbers.entry(name).or_insert_with_key(|name| {
            self.names.push(name.clone());
            self.names.len() - 1
        })
    }

    fn add_tag(&mut self, tag: &str, any_case: bool, pool: usize) {
        if (MIN_TAG..=MAX_TAG).contains(&tag.len()) {
            let bytes = if any_case { tag.to_ascii_lowercase() } else { tag.to_owned() }.into_bytes();
            self.tags.push(Tag { bytes, any_case, pool });
        } else {
            self.ignored += 1;
        }
    }

    fn add_address(&mut self, address: &str, pool: usize) {
        match Address::<NetworkUnchecked>::from_str(address) {
            // The script is the same on all networks.
            Ok(address) => drop(self.scripts.insert(address.assume_checked().script_pubkey(), pool)),
            Err(_) => self.ignored += 1,
        }
    }

    /// Pools that are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// There are none: miners are known by their texts only.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Tags that are too short or too long, and addresses that are none. They are left out.
    #[must_use]
    pub fn ignored(&self) -> usize {
        self.ignored
    }

    /// Who mined the block of a coinbase. None if nothing names them.
    #[must_use]
    pub fn miner(&self, coinbase: &Transaction) -> Option<Miner> {
        let script = coinbase.input.first().map(|input| input.script_sig.as_bytes()).unwrap_or_default();
        let paid = coinbase.output.iter().find_map(|output| self.scripts.get(&output.script_pubkey).copied());
        if let Some(name) = paid.or_else(|| self.by_tag(script)).and_then(|pool| self.names.get(pool)) {
            return Some(Miner { name: name.clone(), pool: true });
        }
        text_of(script).map(|name| Miner { name, pool: false })
    }

    fn by_tag(&self, script: &[u8]) -> Option<usize> {
        let lower = script.to_ascii_lowercase();
        let has = |tag: &&Tag| {
            let text = if tag.any_case { &lower } else { script };
            text.windows(tag.bytes.len()).any(|window| window == tag.bytes)
        };
        self.tags.iter().find(has).map(|tag| tag.pool)
    }
}

/// The text that a miner put into a coinbase: what is between slashes, or else the longest printable part.
fn text_of(script: &[u8]) -> Option<String> {
    // The first push is the height (BIP34), whose bytes may be printable.
    let after = usize::from(*script.first()?).saturating_add(1);
    let script = if after <= 5 { script.get(after..)? } else { script };
    let is_text = |byte: &u8| matches!(byte, b' '..=b'~');
    let parts = script.split(|byte| !is_text(byte)).filter(|part| part.trim_ascii().len() >= MIN_TEXT);
    let part = parts.reduce(|longest, part| if part.len() > longest.len() { part } else { longest })?;
    let between = |part: &[u8]| {
        let first = part.iter().position(|byte| *byte == b'/')?;
        let last = part.iter().rposition(|byte| *byte == b'/')?;
        Some(part.get(first..=last)?.to_vec()).filter(|tag| tag.len() >= MIN_TEXT)
    };
    let text = between(part).unwrap_or_else(|| part.to_vec());
    let text = printable(&text, false);
    (!text.is_empty()).then_some(text)
}

/// What can be shown of a name, without what could act on a terminal or hide itself.
fn printable(text: &[u8], any_script: bool) -> String {
    let text = String::from_utf8_lossy(text);
    let mut kept = String::new();
    for c in text.trim().chars().filter(|c| matches!(c, ' '..='~') || (any_script && c.is_alphanumeric())) {
        if kept.len() + c.len_utf8() > MAX_NAME {
            break;
        }
        kept.push(c);
    }
    kept
}
