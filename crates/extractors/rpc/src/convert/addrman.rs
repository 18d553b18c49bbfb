//! `getrawaddrman` of a full address manager is 15 MB of JSON with 80,000 entries. They become what is published one by one while the
//! JSON is read, so that they are never in memory in two forms.

use std::collections::BTreeMap;
use std::fmt;

use event::pb::rpc_extractor::rpc::RpcEvent;
use event::pb::rpc_extractor::{Addrman, AddrmanBucket, AddrmanEntry};
use node::rpc::types;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::nearest;

/// The answer as it is published.
pub(crate) struct Tables(Addrman);

/// A table of the address manager by bucket and position.
struct Table(BTreeMap<u32, AddrmanBucket>);

pub(crate) fn addrman(tables: Tables) -> RpcEvent {
    RpcEvent::Addrman(tables.0)
}

fn entry(entry: types::AddrmanEntry) -> AddrmanEntry {
    AddrmanEntry {
        address: entry.address,
        port: entry.port.into(),
        network: entry.network,
        services: entry.services,
        time: entry.time,
        source: entry.source,
        source_network: entry.source_network,
        mapped_as: entry.mapped_as.map(nearest),
        source_mapped_as: entry.source_mapped_as.map(nearest),
    }
}

/// Bucket and position of a key: `1023/63`.
fn slot(key: &str) -> Option<(u32, u32)> {
    let (bucket, position) = key.split_once('/')?;
    Some((bucket.parse().ok()?, position.parse().ok()?))
}

impl<'de> Deserialize<'de> for Tables {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Tables;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the tables of the address manager")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tables, A::Error> {
                let mut tables = Addrman::default();
                while let Some(name) = map.next_key::<String>()? {
                    match name.as_str() {
                        "new" => tables.new = map.next_value::<Table>()?.0,
                        "tried" => tables.tried = map.next_value::<Table>()?.0,
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(Tables(tables))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

impl<'de> Deserialize<'de> for Table {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Table;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of the address manager")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Table, A::Error> {
                let mut buckets: BTreeMap<u32, AddrmanBucket> = BTreeMap::new();
                while let Some((key, value)) = map.next_entry::<String, types::AddrmanEntry>()? {
                    if let Some((bucket, position)) = slot(&key) {
                        buckets.entry(bucket).or_default().entries.insert(position, entry(value));
                    }
                }
                Ok(Table(buckets))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}
