//! A response of getrawaddrman in a compact form, from which the canvas draws and the response can be written again.
//!
//! All numbers are little-endian. The form is: the eight bytes `addrman1`; the length of the head, u32; the head, in JSON ([`Head`]); then
//! columns, one after the other. An address that the new table has several times is one entry, which several slots hold.
//!
//! | column | items | form | content |
//! |---|---|---|---|
//! | slots | 81,920 | u32 | bucket × 64 + position of the new table, then of the tried table; 0: empty; 1: the next entry; n + 2: entry n again |
//! | times | entries | u32 | when it was last seen, in seconds since the UNIX epoch |
//! | ports | entries | u16 | |
//! | networks | entries | u8 | place in the head's `networks` |
//! | services | entries | u32 | place in the head's `services` |
//! | systems | entries | u32 | number of the autonomous system; 0: not known |
//! | sources | entries | u32 | which source it was received from |
//! | networks of sources | sources | u8 | place in the head's `networks` |
//! | systems of sources | sources | u32 | as of entries |
//! | addresses | entries, then sources | text | each ends with a newline; the rest of the bytes |

use std::fmt::Write as _;
use std::hash::Hash;
use std::io::{self, Read, Write};

use bytes::Bytes;
use event::pb::rpc_extractor::{Addrman as Raw, AddrmanBucket, AddrmanEntry};
use event::time::rfc3339_micros;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry as Place;
use model::bounds::MAX_ADDR;
use model::text::head;
use networks::Enrichment;
use serde::{Deserialize, Serialize};

/// What the form begins with.
const MAGIC: &[u8] = b"addrman1";
/// Buckets of the new and of the tried table (Bitcoin Core's `ADDRMAN_NEW_BUCKET_COUNT`, `ADDRMAN_TRIED_BUCKET_COUNT`).
pub(crate) const BUCKETS: [u32; 2] = [1_024, 256];
/// Positions in a bucket (`ADDRMAN_BUCKET_SIZE`).
const POSITIONS: u32 = 64;
/// Positions in the new table.
const NEW_SLOTS: u32 = BUCKETS[0] * POSITIONS;
/// Positions in both tables.
const SLOTS: u32 = NEW_SLOTS + BUCKETS[1] * POSITIONS;
/// The maximum number of names of networks; Bitcoin Core has seven.
const MAX_NETWORKS: usize = 32;
/// The maximum length of a network's name, in bytes.
const MAX_NETWORK: usize = 32;
/// A higher level takes twice as long for a twentieth less.
const LEVEL: Compression = Compression::fast();

/// What stands before the columns.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Head {
    /// When getrawaddrman gave the tables: RFC 3339 in UTC.
    time: String,
    /// Entries of the new table; an address that is in several buckets counts with each.
    new: u64,
    /// Entries of the tried table.
    tried: u64,
    /// Different entries.
    entries: u32,
    /// Different sources.
    sources: u32,
    /// Names of networks, as Bitcoin Core has them.
    networks: Vec<String>,
    /// Sets of service flags, in decimal digits.
    services: Vec<String>,
    /// Where the numbers of autonomous systems are from: `node`, its own map; `file`, the map of this program. Null if there is no map.
    #[serde(rename = "as")]
    systems: Option<String>,
    /// Entries whose bucket or position does not exist: they are left out.
    outside: u64,
}

/// The compact form, packed with gzip.
pub(crate) struct Packed {
    pub bytes: Bytes,
    /// Entries of the new and of the tried table.
    pub total: [u64; 2],
}

/// Distinct values, with the place of each.
struct Dictionary<T> {
    places: HashMap<T, u32, RandomState>,
    values: Vec<T>,
}

impl<T: Copy + Eq + Hash> Dictionary<T> {
    fn new() -> Self {
        Self { places: HashMap::default(), values: Vec::new() }
    }

    /// The place of a value, and whether it is new.
    fn place(&mut self, value: T) -> (u32, bool) {
        // No more than there are entries.
        let next = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        match self.places.entry(value) {
            Place::Occupied(place) => (*place.get(), false),
            Place::Vacant(place) => {
                place.insert(next);
                self.values.push(value);
                (next, true)
            }
        }
    }
}

/// All that getrawaddrman has of an entry, to compare it with others.
type Fields<'a> = (&'a str, u32, &'a str, u64, i64, &'a str, &'a str, Option<u32>, Option<u32>);

fn fields(entry: &AddrmanEntry) -> Fields<'_> {
    let AddrmanEntry { address, port, network, services, time, source, source_network, mapped_as, source_mapped_as } =
        entry;
    (address, *port, network, *services, *time, source, source_network, *mapped_as, *source_mapped_as)
}

/// The place of a slot among those of both tables. None if there is no such slot.
fn slot(table: usize, bucket: u32, position: u32) -> Option<usize> {
    let exists = position < POSITIONS && BUCKETS.get(table).is_some_and(|buckets| bucket < *buckets);
    let first = if table == 0 { 0 } else { NEW_SLOTS };
    exists.then(|| usize::try_from(first + bucket * POSITIONS + position).ok()).flatten()
}

/// Writes a response of getrawaddrman in the compact form. `time_ns` is when it was given, nanoseconds since the UNIX epoch. Autonomous systems
/// that the node does not report are those of `enrichment`.
pub(crate) fn pack(raw: &Raw, time_ns: u64, enrichment: &Enrichment) -> Packed {
    let mut slots = vec![0_u32; SLOTS as usize];
    let mut entries: Dictionary<Fields> = Dictionary::new();
    let mut head = Head { time: rfc3339_micros(time_ns), ..Head::default() };
    let mut total = [0_u64; 2];
    for (table, (buckets, total)) in [&raw.new, &raw.tried].into_iter().zip(&mut total).enumerate() {
        for (bucket, AddrmanBucket { entries: positions }) in buckets {
            for (position, entry) in positions {
                let place = slot(table, *bucket, *position);
                let Some(slot) = place.and_then(|place| slots.get_mut(place)) else {
                    head.outside += 1;
                    continue;
                };
                *total += 1;
                *slot = match entries.place(fields(entry)) {
                    (_, true) => 1,
                    (place, false) => place + 2,
                };
            }
        }
    }
    [head.new, head.tried] = total;
    let bytes = columns(head, &slots, &entries.values, enrichment);
    Packed { bytes: packed(&bytes).into(), total }
}

/// The head and the columns.
fn columns(mut head: Head, slots: &[u32], entries: &[Fields], enrichment: &Enrichment) -> Vec<u8> {
    let by_node = entries.iter().any(|(.., system, of_source)| system.is_some() || of_source.is_some());
    let origin = if by_node { Some("node") } else { enrichment.has_asmap().then_some("file") };
    head.systems = origin.map(str::to_owned);
    let system = |of: Option<u32>, address: &str, network: &str| {
        let by_file = || event::filter::ip_of_peer(address, network).and_then(|ip| enrichment.asn_of(ip));
        of.or_else(|| if by_node { None } else { by_file() }).unwrap_or_default()
    };
    let mut networks: Dictionary<&str> = Dictionary::new();
    let mut network_of = |name| network(&mut networks, name);
    let mut services: Dictionary<u64> = Dictionary::new();
    let mut sources: Dictionary<(&str, &str, Option<u32>)> = Dictionary::new();
    let (mut times, mut ports, mut of_networks) = (Vec::new(), Vec::new(), Vec::new());
    let (mut of_services, mut systems, mut of_sources) = (Vec::new(), Vec::new(), Vec::new());
    let mut addresses = String::new();
    for (address, port, network, flags, time, source, source_network, mapped_as, source_mapped_as) in entries {
        times.extend(u32::try_from(*time).unwrap_or(if *time < 0 { 0 } else { u32::MAX }).to_le_bytes());
        ports.extend(u16::try_from(*port).unwrap_or(u16::MAX).to_le_bytes());
        of_networks.push(network_of(network));
        of_services.extend(services.place(*flags).0.to_le_bytes());
        systems.extend(system(*mapped_as, address, network).to_le_bytes());
        of_sources.extend(sources.place((source, source_network, *source_mapped_as)).0.to_le_bytes());
        line(&mut addresses, address);
    }
    let (mut networks_of_sources, mut systems_of_sources) = (Vec::new(), Vec::new());
    for (source, network, mapped_as) in &sources.values {
        networks_of_sources.push(network_of(network));
        systems_of_sources.extend(system(*mapped_as, source, network).to_le_bytes());
        line(&mut addresses, source);
    }
    head.networks = networks.values.iter().map(|name| (*name).to_owned()).collect();
    head.services = services.values.iter().map(ToString::to_string).collect();
    head.entries = u32::try_from(entries.len()).unwrap_or(u32::MAX);
    head.sources = u32::try_from(sources.values.len()).unwrap_or(u32::MAX);
    // Writing fails only for maps whose keys are not text, and there are none.
    let head = serde_json::to_vec(&head).unwrap_or_default();
    let length = u32::try_from(head.len()).unwrap_or(u32::MAX).to_le_bytes();
    let mut whole = [MAGIC, &length, &head].concat();
    slots.iter().for_each(|slot| whole.extend(slot.to_le_bytes()));
    for column in [times, ports, of_networks, of_services, systems, of_sources, networks_of_sources, systems_of_sources]
    {
        whole.extend(column);
    }
    whole.extend(addresses.into_bytes());
    whole
}

/// The place of a network's name. What is too much, or too long, is `unknown`.
fn network<'a>(networks: &mut Dictionary<&'a str>, name: &'a str) -> u8 {
    let fits =
        name.len() <= MAX_NETWORK && (networks.values.len() < MAX_NETWORKS || networks.places.contains_key(name));
    let name = if fits { name } else { event::names::UNKNOWN };
    u8::try_from(networks.place(name).0).unwrap_or(u8::MAX)
}

/// Adds an address and a newline. It is cut, and a newline within it replaced: it is untrusted.
fn line(lines: &mut String, address: &str) {
    let address = head(address, MAX_ADDR);
    if address.contains('\n') {
        lines.extend(address.chars().map(|c| if c == '\n' { char::REPLACEMENT_CHARACTER } else { c }));
    } else {
        lines.push_str(address);
    }
    lines.push('\n');
}

/// Bytes packed with gzip.
pub(crate) fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), LEVEL);
    // Writing to memory does not fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

/// What [`packed`] packed.
pub(crate) fn unpacked(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut whole = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut whole)?;
    Ok(whole)
}

/// An entry as getrawaddrman writes it.
#[derive(Serialize)]
struct Written<'a> {
    address: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    mapped_as: Option<u32>,
    port: u16,
    services: u64,
    time: u32,
    network: &'a str,
    source: &'a str,
    source_network: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_mapped_as: Option<u32>,
}

/// The tables, read from the compact form.
pub(crate) struct Columns<'a> {
    head: Head,
    slots: Vec<u32>,
    times: Vec<u32>,
    ports: Vec<u16>,
    networks: &'a [u8],
    services: Vec<u32>,
    systems: Vec<u32>,
    sources: Vec<u32>,
    networks_of_sources: &'a [u8],
    systems_of_sources: Vec<u32>,
    /// Addresses of entries, then of sources.
    addresses: Vec<&'a str>,
}

impl<'a> Columns<'a> {
    /// Reads the compact form. None if the bytes are something else.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = bytes.strip_prefix(MAGIC)?;
        let length = u32s(&mut rest, 1)?.first().copied()?;
        let head: Head = serde_json::from_slice(take(&mut rest, length)?).ok()?;
        let (entries, sources) = (head.entries, head.sources);
        Some(Self {
            slots: u32s(&mut rest, SLOTS)?,
            times: u32s(&mut rest, entries)?,
            ports: take(&mut rest, entries.checked_mul(2)?)?
                .as_chunks()
                .0
                .iter()
                .map(|bytes| u16::from_le_bytes(*bytes))
                .collect(),
            networks: take(&mut rest, entries)?,
            services: u32s(&mut rest, entries)?,
            systems: u32s(&mut rest, entries)?,
            sources: u32s(&mut rest, entries)?,
            networks_of_sources: take(&mut rest, sources)?,
            systems_of_sources: u32s(&mut rest, sources)?,
            addresses: std::str::from_utf8(rest).ok()?.split('\n').collect(),
            head,
        })
    }

    /// Writes them as getrawaddrman does, in JSON.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let mut slots = self.slots.iter().zip(0_u32..);
        let mut next = 0;
        let mut key = String::new();
        for (name, buckets) in ["{\"new\":{", "},\"tried\":{"].into_iter().zip(BUCKETS) {
            out.write_all(name.as_bytes())?;
            let mut first = true;
            for (index, (slot, _)) in (0..buckets * POSITIONS).zip(slots.by_ref()) {
                let entry = match slot {
                    0 => continue,
                    1 => {
                        next += 1;
                        next - 1
                    }
                    again => again - 2,
                };
                let Some(entry) = self.entry(entry) else { continue };
                key.clear();
                let comma = if first { "" } else { "," };
                // Writing to memory does not fail.
                let _ = write!(key, "{comma}\"{}/{}\":", index / POSITIONS, index % POSITIONS);
                out.write_all(key.as_bytes())?;
                serde_json::to_writer(&mut *out, &entry)?;
                first = false;
            }
        }
        out.write_all(b"}}")
    }

    fn entry(&self, index: u32) -> Option<Written<'_>> {
        let index = usize::try_from(index).ok()?;
        let source = usize::try_from(*self.sources.get(index)?).ok()?;
        let network = |place: &u8| self.head.networks.get(usize::from(*place)).map(String::as_str);
        let services = usize::try_from(*self.services.get(index)?).ok()?;
        // Those of the map of this program are no part of what the node says.
        let by_node = self.head.systems.as_deref() == Some("node");
        let system = |system: Option<&u32>| system.copied().filter(|system| by_node && *system != 0);
        Some(Written {
            address: self.addresses.get(index)?,
            mapped_as: system(self.systems.get(index)),
            port: *self.ports.get(index)?,
            services: self.head.services.get(services)?.parse().ok()?,
            time: *self.times.get(index)?,
            network: network(self.networks.get(index)?)?,
            source: self.addresses.get(self.times.len().checked_add(source)?)?,
            source_network: network(self.networks_of_sources.get(source)?)?,
            source_mapped_as: system(self.systems_of_sources.get(source)),
        })
    }

    /// Address and port of each entry, in their order.
    pub fn endpoints(&self) -> impl Iterator<Item = (&'a str, u16)> {
        self.addresses.iter().copied().zip(self.ports.iter().copied())
    }
}

/// Takes bytes from the beginning.
fn take<'a>(rest: &mut &'a [u8], length: u32) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = after;
    Some(taken)
}

/// Takes so many numbers from the beginning.
fn u32s(rest: &mut &[u8], count: u32) -> Option<Vec<u32>> {
    let bytes = take(rest, count.checked_mul(4)?)?;
    Some(bytes.as_chunks().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn entry(address: &str, source: &str, mapped_as: Option<u32>) -> AddrmanEntry {
        AddrmanEntry {
            address: address.to_owned(),
            port: 8_333,
            network: "ipv4".to_owned(),
            services: u64::MAX,
            time: 1_769_860_800,
            source: source.to_owned(),
            source_network: "onion".to_owned(),
            mapped_as,
            source_mapped_as: None,
        }
    }

    fn raw(new: &[(u32, u32, AddrmanEntry)], tried: &[(u32, u32, AddrmanEntry)]) -> Raw {
        let mut raw = Raw::default();
        for (table, entries) in [(&mut raw.new, new), (&mut raw.tried, tried)] {
            for (bucket, position, entry) in entries {
                table.entry(*bucket).or_default().entries.insert(*position, entry.clone());
            }
        }
        raw
    }

    fn written(packed: &Packed) -> Value {
        let bytes = unpacked(&packed.bytes).unwrap();
        let mut json = Vec::new();
        Columns::read(&bytes).unwrap().write(&mut json).unwrap();
        serde_json::from_slice(&json).unwrap()
    }

    #[test]
    fn what_is_packed_is_written_as_it_came() {
        let [a, b] = [entry("192.0.2.1", "x.onion", Some(64_500)), entry("192.0.2.2", "y.onion", None)];
        // The first one twice in the new table, as Bitcoin Core does up to eight times.
        let raw = raw(&[(0, 0, a.clone()), (0, 63, b.clone()), (1_023, 63, a.clone())], &[(255, 63, b)]);
        let packed = pack(&raw, 1_769_860_800_000_000_000, &Enrichment::default());
        assert_eq!(packed.total, [3, 1]);
        let of = |address: &str, source: &str| {
            json!({ "address": address, "port": 8_333, "network": "ipv4", "services": u64::MAX, "time": 1_769_860_800,
                    "source": source, "source_network": "onion" })
        };
        let (mut first, second) = (of("192.0.2.1", "x.onion"), of("192.0.2.2", "y.onion"));
        first["mapped_as"] = 64_500.into();
        let expected =
            json!({ "new": { "0/0": first, "0/63": second, "1023/63": first }, "tried": { "255/63": second } });
        assert_eq!(written(&packed), expected);
    }

    #[test]
    fn untrusted_tables_are_bounded() {
        let odd = AddrmanEntry {
            address: format!("a\nb{}", "x".repeat(10_000)),
            port: u32::MAX,
            network: "n".repeat(1_000),
            time: -5,
            ..entry("", "", None)
        };
        let new: Vec<_> = (0..64).map(|n| (n, n, AddrmanEntry { network: format!("net{n}"), ..odd.clone() })).collect();
        let outside = raw(
            &[&new[..], &[(1_024, 0, odd.clone()), (u32::MAX, u32::MAX, odd.clone())]].concat(),
            &[(256, 0, odd.clone()), (0, 64, odd)],
        );
        let packed = pack(&outside, 1, &Enrichment::default());
        assert_eq!(packed.total, [64, 0]);
        let json = written(&packed);
        assert_eq!(json["tried"], json!({}));
        let first = &json["new"]["0/0"];
        assert_eq!((&first["port"], &first["time"], &first["network"]), (&json!(65_535), &json!(0), &json!("net0")));
        assert_eq!(json["new"]["63/63"]["network"], "unknown");
        assert!(
            first["address"].as_str().unwrap().starts_with("a\u{fffd}b")
                && first["address"].as_str().unwrap().len() <= MAX_ADDR + 2
        );
        // Something else is nothing.
        for bytes in [&b""[..], b"addrman1", b"addrman1\xff\xff\xff\xff", b"addrman1\x02\0\0\0{}"] {
            assert!(Columns::read(bytes).is_none());
        }
    }
}
