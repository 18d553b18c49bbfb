//! Files with networks: plain lists, commands of `bitcoin-cli setban`, a node's own ban list (JSON), TOML, and Tor's list of exits (the
//! format of `exit-addresses`).

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use jiff::Timestamp;
use serde::Deserialize;

/// The largest file, in bytes, and the most networks of one source.
const MAX_BYTES: u64 = 32 << 20;
const MAX_NETWORKS: usize = 1_000_000;
/// Bad lines of a file that have a warning of their own; further ones are only counted.
const MAX_WARNINGS: usize = 3;

/// A network of a file, and when it is no part of the list any more, in seconds since the UNIX epoch, if the file says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The network.
    pub network: IpNet,
    /// The end of its ban: of `setban` with an absolute time, of a node's own ban list, or of a comment `until TIME`.
    pub until_s: Option<u64>,
}

/// Reads the file at a path, or the files of the folder there. Returns the networks, and a sentence on each thing that was skipped.
///
/// # Errors
/// The path cannot be read, or has too many networks: the reason, as the end of a sentence. A file of a folder that cannot be read is
/// skipped.
pub(super) fn read(path: &Path) -> Result<(Vec<Entry>, Vec<String>), String> {
    let mut networks = Vec::new();
    let mut skipped = Vec::new();
    for file in files(path).map_err(|cause| cause.to_string())? {
        let content = match read_one(&file) {
            Ok(content) => content,
            Err(cause) if file == path => return Err(cause),
            Err(cause) => {
                skipped.push(format!("cannot read {}: {cause}; skipped", file.display()));
                continue;
            }
        };
        let room = MAX_NETWORKS.saturating_sub(networks.len());
        if content.networks.len() > room {
            return Err(format!("it has more than {MAX_NETWORKS} networks"));
        }
        networks.extend(content.networks);
        let bad = content
            .bad
            .iter()
            .map(|(at, what)| format!("{}{at}: {what:?} is no IP address or network; skipped", file.display()));
        skipped.extend(bad);
        if let Some(more @ 1..) = content.bad_count.checked_sub(MAX_WARNINGS) {
            skipped.push(format!("{}: {more} more skipped", file.display()));
        }
    }
    Ok((networks, skipped))
}

fn read_one(file: &Path) -> Result<Content, String> {
    let bytes = crate::file::read(file, MAX_BYTES).map_err(|cause| cause.to_string())?;
    let bytes = bytes.ok_or_else(|| format!("it has more than the {MAX_BYTES} B that are read"))?;
    let text = String::from_utf8_lossy(&bytes);
    if file.extension().is_some_and(|extension| extension == "toml") {
        return entities(&text);
    }
    if companions(file).iter().any(|entity| is_withdrawn_entity(entity)) {
        return Ok(Content::default());
    }
    Ok(ban_list(&text).unwrap_or_else(|| list(&text)))
}

/// The TOML files that may describe the entity whose addresses a list has: `a.toml` and `a.ips.toml` beside `a.ips.txt`.
pub(super) fn companions(file: &Path) -> Vec<PathBuf> {
    let Some(name) = file.file_name().and_then(|name| name.to_str()).filter(|name| !name.ends_with(".toml")) else {
        return Vec::new();
    };
    let stems = name.match_indices('.').filter_map(|(dot, _)| name.get(..dot)).filter(|stem| !stem.is_empty());
    stems.map(|stem| file.with_file_name(format!("{stem}.toml"))).collect()
}

/// Whether a file describes one entity that was removed from its ban list, so that nothing of it is in force.
fn is_withdrawn_entity(file: &Path) -> bool {
    let Ok(Some(bytes)) = crate::file::read(file, MAX_BYTES) else { return false };
    let table = String::from_utf8_lossy(&bytes).parse::<toml::Table>();
    table.is_ok_and(|table| is_withdrawn(table.get("removed")))
}

/// Whether an entry with this value of `removed` is not in force any more. It is a date, mostly.
fn is_withdrawn(removed: Option<&toml::Value>) -> bool {
    match removed {
        None | Some(toml::Value::Boolean(false)) => false,
        Some(toml::Value::String(text)) => !text.is_empty(),
        Some(_) => true,
    }
}

/// The path itself if it is a file; of a folder the files whose names end in .txt, .list or .toml, in order.
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

/// The network of a text like `1.2.3.4`, `1.2.3.0/24` or `1.2.3.0/255.255.255.0`; none if it is neither an address nor a network. IPv4 addresses within IPv6 ones
/// (::ffff:0:0/96) are IPv4.
pub(super) fn network(text: &str) -> Option<IpNet> {
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some(ip.to_canonical().into());
    }
    let with_mask = || {
        let (ip, mask) = text.split_once('/')?;
        IpNet::with_netmask(ip.parse().ok()?, mask.parse().ok()?).ok()
    };
    let net = text.parse::<IpNet>().ok().or_else(with_mask)?.trunc();
    match net {
        IpNet::V6(v6) if v6.prefix_len() >= 96 => match v6.network().to_ipv4_mapped() {
            Some(v4) => IpNet::new(v4.into(), v6.prefix_len() - 96).ok(),
            None => Some(net),
        },
        _ => Some(net),
    }
}

/// The content of a file.
#[derive(Default)]
struct Content {
    networks: Vec<Entry>,
    /// What is no network: where it is (`:line`, or nothing), and its text. The first [`MAX_WARNINGS`] of them.
    bad: Vec<(String, String)>,
    bad_count: usize,
}

impl Content {
    /// Takes back a network that was added before.
    fn remove(&mut self, text: &str) {
        if let Some(removed) = network(text) {
            self.networks.retain(|entry| entry.network != removed);
        }
    }

    fn add(&mut self, text: &str, until_s: Option<u64>, at: impl FnOnce() -> String) {
        match network(text) {
            Some(network) => self.networks.push(Entry { network, until_s }),
            None => {
                self.bad_count += 1;
                if self.bad.len() < MAX_WARNINGS {
                    self.bad.push((at(), text.chars().take(60).collect()));
                }
            }
        }
    }
}

/// The end that a comment gives: `until 2026-12-31T00:00:00Z`, and perhaps more after it.
fn until_of_comment(comment: &str) -> Option<u64> {
    let text = comment.trim_start().strip_prefix("until ")?.split([' ', ';', ',']).next()?;
    u64::try_from(text.parse::<Timestamp>().ok()?.as_second()).ok()
}

/// The end that the rest of `setban NETWORK add TIME true` gives: without `true`, TIME is a duration.
fn until_of_command<'a>(mut words: impl Iterator<Item = &'a str>) -> Option<u64> {
    let time = words.next()?.parse().ok()?;
    matches!(words.next()?, "true" | "1").then_some(time)
}

/// The networks of a list: one network a line, comments after # or ;. Two forms have more on a line: Tor's exit-addresses, of which lines
/// with ExitAddress count, and commands that ban, as in `bitcoin-cli setban 192.0.2.0/24 add 31557600`.
fn list(text: &str) -> Content {
    let mut content = Content::default();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.strip_prefix('\u{feff}').unwrap_or(line); // a mark of some editors at the beginning of a file
        let (line, comment) = line.split_once(['#', ';']).unwrap_or((line, ""));
        let is_between = |c: char| c.is_whitespace() || matches!(c, ',' | '"' | '\'');
        let mut words = line.split(is_between).filter(|word| !word.is_empty());
        let mut command = words.clone().skip_while(|word| *word != "setban").skip(1);
        if let Some(network) = command.next() {
            match command.next() {
                Some("remove") => content.remove(network),
                _ => content.add(network, until_of_command(command), || format!(":{number}")),
            }
            continue;
        }
        let word = match words.next() {
            None | Some("ExitNode" | "Published" | "LastStatus" | "@type" | "Downloaded") => continue,
            Some("ExitAddress") => words.next().unwrap_or_default(),
            Some(word) if words.clone().chain([word]).any(|word| word == "clearbanned") => {
                content.networks.clear();
                continue;
            }
            Some(word) => word,
        };
        content.add(word, until_of_comment(comment), || format!(":{number}"));
    }
    content
}

/// An entry of a node's ban list.
#[derive(Deserialize)]
#[serde(untagged)]
enum Ban {
    Plain(String),
    Dated { address: String, banned_until: Option<u64> },
}

/// What a node's ban list is: the file banlist.json, or an answer of the RPC listbanned.
#[derive(Deserialize)]
#[serde(untagged)]
enum BanList {
    File { banned_nets: Vec<Ban> },
    Answer(Vec<Ban>),
}

/// The networks of a node's ban list; none if the text is no such list.
fn ban_list(text: &str) -> Option<Content> {
    if !text.trim_start().starts_with(['{', '[']) {
        return None;
    }
    let (BanList::File { banned_nets: bans } | BanList::Answer(bans)) = serde_json::from_str(text).ok()?;
    let mut content = Content::default();
    for ban in bans {
        let (address, until_s) = match ban {
            Ban::Plain(address) => (address, None),
            Ban::Dated { address, banned_until } => (address, banned_until),
        };
        content.add(&address, until_s, String::new);
    }
    Some(content)
}

/// An entity of a ban list. There are two forms, `networks` and `ips`; other keys are ignored.
#[derive(Deserialize)]
struct Entity {
    #[serde(default)]
    networks: Vec<Network>,
    #[serde(default)]
    ips: Vec<Network>,
    removed: Option<toml::Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Network {
    Plain(String),
    Dated {
        #[serde(alias = "ip", alias = "address")]
        cidr: String,
        removed: Option<toml::Value>,
    },
}

/// The networks of a TOML file: of one entity, or of a table or an array of several.
fn entities(text: &str) -> Result<Content, String> {
    let table: toml::Table = text.parse().map_err(|cause: toml::de::Error| cause.message().to_owned())?;
    let mut content = Content::default();
    let is_one = table.contains_key("networks") || table.contains_key("ips");
    let inner = table.clone().into_iter().flat_map(|(_, value)| match value {
        toml::Value::Array(all) => all,
        other => vec![other],
    });
    let all: Vec<toml::Value> =
        if is_one { vec![toml::Value::Table(table)] } else { inner.filter(toml::Value::is_table).collect() };
    for value in all {
        let entity: Entity = value.try_into().map_err(|cause: toml::de::Error| cause.message().to_owned())?;
        if is_withdrawn(entity.removed.as_ref()) {
            continue;
        }
        let current = entity.networks.into_iter().chain(entity.ips).filter_map(|network| match network {
            Network::Plain(text) => Some(text),
            // It was given up by the time that the file was written.
            Network::Dated { removed, .. } if is_withdrawn(removed.as_ref()) => None,
            Network::Dated { cidr, .. } => Some(cidr),
        });
        for text in current {
            content.add(text.trim(), None, String::new);
        }
    }
    Ok(content)
}
