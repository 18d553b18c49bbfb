//! What a configuration says of a receiver: checked at once, while the secrets that are in files are read when the tool starts.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use event::pb::alerts::{Alert, Severity};
use event::similar::instead;
use hyper::Uri;
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use super::{KINDS, Kind};
use crate::detectors::rows;

/// What stands in place of a secret where it is shown.
const HIDDEN: &str = "(hidden)";
/// A secret may be in a file: then this is added to its key.
const FILE: &str = "_file";
/// Bytes of a file with a secret at most.
const MAX_SECRET: u64 = 16 * 1024;

/// A key of the section of a receiver.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub what: &'static str,
    /// It must be given.
    pub required: bool,
    /// It is never shown, and may be in a file: `NAME_file`.
    pub secret: bool,
}

/// Keys that all receivers have.
pub const COMMON: [Key; 6] = [
    key("type", "what it is"),
    key("severities", "only alerts of these: \"info\", \"warning\", \"critical\""),
    key("detectors", "only alerts of these detectors or families of them"),
    key("nodes", "only alerts that were seen at one of these nodes"),
    key("public", "true: addresses are pseudonyms, and of numbers the first digit is left"),
    key("resolved", "false: nothing is sent when an alert is over"),
];

/// A key that may be left out.
pub(super) const fn key(name: &'static str, what: &'static str) -> Key {
    Key { name, what, required: false, secret: false }
}

impl Key {
    /// The same, which must be given.
    pub(super) const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    /// The same, which is never shown.
    pub(super) const fn secret(self) -> Self {
        Self { secret: true, ..self }
    }
}

/// The section of a receiver, as it is written. What may be a secret hides itself.
#[derive(Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct Section(BTreeMap<String, Value>);

impl Section {
    fn kind(&self) -> Option<&'static Kind> {
        let name = self.0.get("type")?.as_str()?;
        KINDS.iter().find(|kind| kind.name == name)
    }

    /// Whether the value of a key may be shown: if the key is known and no secret, or the place of one.
    fn is_shown(&self, name: &str) -> bool {
        let keys = || self.kind().map_or(&[][..], |kind| kind.keys).iter().chain(&COMMON);
        keys().any(|key| key.name == name && !key.secret || key.secret && name.strip_suffix(FILE) == Some(key.name))
    }
}

impl Serialize for Section {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            match value {
                value if self.is_shown(name) => map.serialize_entry(name, value)?,
                _ => map.serialize_entry(name, HIDDEN)?,
            }
        }
        map.end()
    }
}

impl fmt::Debug for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// A receiver whose section was checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its name: `[alerts.receivers.NAME]`.
    pub name: String,
    pub(super) kind: &'static Kind,
    pub(super) wanted: Wanted,
    /// It gets what the public may see.
    pub(super) public: bool,
    /// It is also informed when an alert is over.
    pub(super) resolved: bool,
    section: Section,
}

/// Which alerts a receiver gets.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    severities: Option<Vec<Severity>>,
    detectors: Option<Vec<String>>,
    nodes: Option<Vec<String>>,
}

impl Wanted {
    pub fn has(&self, alert: &Alert) -> bool {
        let of_detector = |names: &Vec<String>| names.contains(&alert.detector) || names.contains(&alert.family);
        let of_nodes = |names: &Vec<String>| alert.nodes.iter().any(|node| names.contains(node));
        self.severities.as_ref().is_none_or(|severities| severities.contains(&alert.severity()))
            && self.detectors.as_ref().is_none_or(of_detector)
            && self.nodes.as_ref().is_none_or(of_nodes)
    }
}

impl Settings {
    /// Checks the section of a receiver. No file is read.
    ///
    /// # Errors
    /// Something in it cannot be: names it, and what would be right. Never with a secret.
    pub fn new(name: &str, section: &Section) -> Result<Self, String> {
        let place = format!("alerts.receivers.{name}");
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if name.is_empty() || name.len() > 64 || !name.chars().all(is_name) {
            return Err(format!("{place}: the name of a receiver has letters, digits, - and _, at most 64"));
        }
        let names = KINDS.iter().map(|kind| kind.name);
        let Some(kind) = section.kind() else {
            let list = names.clone().collect::<Vec<_>>().join(", ");
            return Err(match section.0.get("type").and_then(Value::as_str) {
                None => format!("{place}: it has no type; write type = \"NAME\" with one of {list}"),
                Some(given) => format!("{place}.type: there is no such type; {}", instead(given, names)),
            });
        };
        let (keys, values) = (kind.keys, Values { place: &place, section, secrets: Vec::new() });
        let secret_files: Vec<_> =
            keys.iter().filter(|key| key.secret).map(|key| format!("{}{FILE}", key.name)).collect();
        let known = || COMMON.iter().chain(keys).map(|key| key.name).chain(secret_files.iter().map(String::as_str));
        if let Some(unknown) = section.0.keys().find(|given| !known().any(|name| name == *given)) {
            let meant = instead(unknown, known());
            return Err(format!("{place}.{unknown}: a receiver of type {} has no such key; {meant}", kind.name));
        }
        for Key { name, required, secret, .. } in keys {
            let (given, in_file) = (section.0.contains_key(*name), section.0.contains_key(&format!("{name}{FILE}")));
            if given && in_file {
                return Err(format!("{place}: {name} and {name}{FILE} are the same: give one of them"));
            }
            if *required && !given && !in_file {
                let or = if *secret { format!(" or {name}{FILE}") } else { String::new() };
                return Err(format!("{place}: a receiver of type {} needs {name}{or}", kind.name));
            }
        }
        let wanted = Wanted {
            severities: values.texts("severities")?.map(|names| severities(&place, &names)).transpose()?,
            detectors: values.texts("detectors")?.map(|names| detectors(&place, names)).transpose()?,
            nodes: values.texts("nodes")?,
        };
        let (public, resolved) = (values.flag("public")?.unwrap_or(false), values.flag("resolved")?.unwrap_or(true));
        Ok(Self { name: name.to_owned(), kind, wanted, public, resolved, section: section.clone() })
    }

    /// The values of its keys.
    pub(super) fn values<'a>(&'a self, place: &'a str) -> Values<'a> {
        Values { place, section: &self.section, secrets: Vec::new() }
    }
}

fn severities(place: &str, names: &[String]) -> Result<Vec<Severity>, String> {
    let known = |name: &String| Severity::from_str_name(&name.to_ascii_uppercase());
    let named: Option<_> = names.iter().map(known).collect();
    named.ok_or_else(|| format!("{place}.severities: write a list of \"info\", \"warning\" and \"critical\""))
}

fn detectors(place: &str, names: Vec<String>) -> Result<Vec<String>, String> {
    let known = || rows().flat_map(|row| [row.name, row.family]);
    match names.iter().find(|name| !known().any(|known| known == *name)) {
        Some(name) => Err(format!(
            "{place}.detectors: there is no detector or family {name:?}; {}",
            instead(name, known().collect::<Vec<_>>())
        )),
        None => Ok(names),
    }
}

/// Where a secret is: a file, or a credential that systemd gives to its unit, by its name.
fn place_of(text: &str) -> PathBuf {
    match std::env::var_os("CREDENTIALS_DIRECTORY") {
        Some(directory) if !text.contains('/') => Path::new(&directory).join(text),
        _ => PathBuf::from(text),
    }
}

/// The values of the keys of a receiver.
pub(super) struct Values<'a> {
    place: &'a str,
    section: &'a Section,
    /// Secrets that were read: what must not be shown.
    pub secrets: Vec<String>,
}

impl Values<'_> {
    /// What is wrong about a key.
    pub fn wrong(&self, name: &str, what: &str) -> String {
        format!("{}.{name}: {what}", self.place)
    }

    fn flag(&self, name: &str) -> Result<Option<bool>, String> {
        let value = self.section.0.get(name);
        let flag = |value: &Value| value.as_bool().ok_or_else(|| self.wrong(name, "write true or false"));
        value.map(flag).transpose()
    }

    /// A list of texts, or one of them.
    pub fn texts(&self, name: &str) -> Result<Option<Vec<String>>, String> {
        let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let texts = |value: &Value| match value {
            Value::Array(values) if !values.is_empty() => values.iter().map(text).collect(),
            value => text(value).map(|text| vec![text]),
        };
        let wrong = || self.wrong(name, "write a text in quotes, or a list of such");
        self.section.0.get(name).map(|value| texts(value).ok_or_else(wrong)).transpose()
    }

    /// A text.
    pub fn text(&self, name: &str) -> Result<Option<String>, String> {
        let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let wrong = || self.wrong(name, "write a text in quotes");
        self.section.0.get(name).map(|value| text(value).ok_or_else(wrong)).transpose()
    }

    /// A text that must be there, as was checked.
    pub fn required(&self, name: &str) -> Result<String, String> {
        self.text(name)?.ok_or_else(|| self.wrong(name, "it is missing"))
    }

    /// A secret: the text itself, or that of a file, without white space around it.
    pub fn secret(&mut self, name: &str) -> Result<Option<String>, String> {
        let in_file = format!("{name}{FILE}");
        let secret = match self.text(&in_file)? {
            Some(path) => Some(self.read(&in_file, &place_of(&path))?),
            None => self.text(name)?,
        };
        self.secrets.extend(secret.clone());
        Ok(secret)
    }

    fn read(&self, name: &str, path: &Path) -> Result<String, String> {
        use std::io::Read;
        let mut text = String::new();
        let read = std::fs::File::open(path).and_then(|file| file.take(MAX_SECRET).read_to_string(&mut text));
        if let Err(error) = read {
            return Err(self.wrong(name, &format!("cannot read the file {}: {error}", path.display())));
        }
        match text.trim() {
            "" => Err(self.wrong(name, &format!("the file {} is empty", path.display()))),
            secret => Ok(secret.to_owned()),
        }
    }

    /// A URL that is a secret.
    pub fn secret_url(&mut self, name: &str) -> Result<Uri, String> {
        let text = self.secret(name)?.ok_or_else(|| self.wrong(name, "it is missing"))?;
        let uri = self.url(name, &text)?;
        // Its path is what others may repeat.
        self.secrets.extend(uri.path_and_query().map(ToString::to_string).filter(|path| path.len() > 1));
        Ok(uri)
    }

    /// A URL. What is wrong is reported without it.
    pub fn url(&self, name: &str, text: &str) -> Result<Uri, String> {
        let uri: Option<Uri> = text.parse().ok();
        let is_web = |uri: &Uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some();
        let uri = uri.filter(is_web);
        let uri = uri.ok_or_else(|| self.wrong(name, "write a URL that begins with https:// or http://"))?;
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(self.wrong(name, "names and passwords have keys of their own, and no place in the URL"));
        }
        Ok(uri)
    }
}
