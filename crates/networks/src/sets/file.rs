//! Files with networks: plain lists, TOML, the list of Tor's exits.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use serde::Deserialize;

/// Size of a file at the most, and of networks from one source.
const MAX_BYTES: u64 = 32 << 20;
const MAX_NETWORKS: usize = 1_000_000;
/// Lines that are told one by one; more are counted.
const TOLD: usize = 3;

/// Reads the files at a path: networks, and what was passed over.
///
/// # Errors
/// A file cannot be read; why. Of a folder one that cannot is passed over.
pub(super) fn read(path: &Path) -> Result<(Vec<IpNet>, Vec<String>), String> {
    let mut networks = Vec::new();
    let mut passed_over = Vec::new();
    for file in files(path).map_err(|cause| cause.to_string())? {
        let found = match read_one(&file) {
            Ok(found) => found,
            Err(cause) if file == path => return Err(cause),
            Err(cause) => {
                passed_over.push(format!("cannot read {}: {cause}; passed over", file.display()));
                continue;
            }
        };
        let room = MAX_NETWORKS.saturating_sub(networks.len());
        if found.networks.len() > room {
            return Err(format!("it has more than {MAX_NETWORKS} networks"));
        }
        networks.extend(found.networks);
        let told = found
            .bad
            .iter()
            .map(|(at, what)| format!("{}{at}: {what:?} is no IP address or network; passed over", file.display()));
        passed_over.extend(told);
        if let Some(more @ 1..) = found.bad_count.checked_sub(TOLD) {
            passed_over.push(format!("{}: {more} more passed over", file.display()));
        }
    }
    Ok((networks, passed_over))
}

fn read_one(file: &Path) -> Result<Found, String> {
    let bytes = crate::file::read(file, MAX_BYTES).map_err(|cause| cause.to_string())?;
    let bytes = bytes.ok_or_else(|| format!("it has more than the {MAX_BYTES} B that are read"))?;
    let text = String::from_utf8_lossy(&bytes);
    if file.extension().is_some_and(|extension| extension == "toml") { entities(&text) } else { Ok(list(&text)) }
}

/// The file, or those in the folder whose names end in .txt, .list or .toml, in order.
pub(super) fn files(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let fits = |file: &PathBuf| {
        file.extension().is_some_and(|extension| ["txt", "list", "toml"].iter().any(|known| extension == *known))
    };
    let mut files: Vec<PathBuf> =
        fs::read_dir(path)?.filter_map(|entry| Some(entry.ok()?.path())).filter(fits).collect();
    files.sort();
    Ok(files)
}

/// An address or a network; IPv4 addresses within IPv6 ones are IPv4.
pub(super) fn network(text: &str) -> Option<IpNet> {
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some(ip.to_canonical().into());
    }
    let net = text.parse::<IpNet>().ok()?.trunc();
    match net {
        IpNet::V6(v6) if v6.prefix_len() >= 96 => match v6.network().to_ipv4_mapped() {
            Some(v4) => IpNet::new(v4.into(), v6.prefix_len() - 96).ok(),
            None => Some(net),
        },
        _ => Some(net),
    }
}

/// What is in a file.
#[derive(Default)]
struct Found {
    networks: Vec<IpNet>,
    /// What is no network: where it is, and its text. The first ones.
    bad: Vec<(String, String)>,
    bad_count: usize,
}

impl Found {
    fn note(&mut self, text: &str, at: impl FnOnce() -> String) {
        match network(text) {
            Some(network) => self.networks.push(network),
            None => {
                self.bad_count += 1;
                if self.bad.len() < TOLD {
                    self.bad.push((at(), text.chars().take(60).collect()));
                }
            }
        }
    }
}

/// A list: one network a line, comments after # or ;. Tor's exit-addresses have more lines, of which ExitAddress ones count.
fn list(text: &str) -> Found {
    let mut found = Found::default();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.split(['#', ';']).next().unwrap_or_default().trim();
        let mut words = line.split_whitespace();
        let word = match words.next() {
            None | Some("ExitNode" | "Published" | "LastStatus") => continue,
            Some("ExitAddress") => words.next().unwrap_or_default(),
            Some(word) => word.trim_end_matches(','),
        };
        found.note(word, || format!(":{number}"));
    }
    found
}

/// An entity of a ban list, in both forms that there are; other keys don't matter.
#[derive(Deserialize)]
struct Entity {
    #[serde(default)]
    networks: Vec<Network>,
    #[serde(default)]
    ips: Vec<String>,
    removed: Option<toml::Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Network {
    Plain(String),
    Told { cidr: String, removed: Option<toml::Value> },
}

/// One entity, or a table or an array of several.
fn entities(text: &str) -> Result<Found, String> {
    let table: toml::Table = text.parse().map_err(|cause: toml::de::Error| cause.message().to_owned())?;
    let mut found = Found::default();
    let is_one = table.contains_key("networks") || table.contains_key("ips");
    let inner = table.clone().into_iter().flat_map(|(_, value)| match value {
        toml::Value::Array(all) => all,
        other => vec![other],
    });
    let all: Vec<toml::Value> =
        if is_one { vec![toml::Value::Table(table)] } else { inner.filter(toml::Value::is_table).collect() };
    for value in all {
        let entity: Entity = value.try_into().map_err(|cause: toml::de::Error| cause.message().to_owned())?;
        if entity.removed.is_some() {
            continue;
        }
        let told = entity.networks.into_iter().filter_map(|network| match network {
            Network::Plain(text) => Some(text),
            Network::Told { cidr, removed: None } => Some(cidr),
            // It was given up by the time that the file was written.
            Network::Told { removed: Some(_), .. } => None,
        });
        for text in told.chain(entity.ips) {
            found.note(text.trim(), String::new);
        }
    }
    Ok(found)
}
