//! Another fork-observer, or this program elsewhere: the nodes of one of its networks, and the headers that it shows.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::fmt;
use std::marker::PhantomData;
use std::path::Path;

use bitcoin::BlockHash;
use futures_util::FutureExt;
use parking_lot::Mutex;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};

use super::http::{Http, Question};
use super::parse::{self, ChainTip};
use super::{
    Answer, Asked, MAX_BLOCK, MAX_HEADERS, MAX_REMOTE_NODES, MAX_TIPS, RawHeader, RemoteNode, ServerUrl, Source,
    SourceError, invalid,
};

/// Bytes of an answer at most: some kilobytes for each of a thousand nodes, half a kilobyte for each header.
const MAX_DATA: usize = 16 << 20;
/// Tips of a node that are read at most; those after them are counted.
const MAX_LISTED: usize = 4 * MAX_TIPS;
/// Bytes of a block in hexadecimal at most.
const MAX_HEX: usize = 2 * MAX_BLOCK;

/// A network of another server.
pub(super) struct ForkObserver {
    http: Http,
    network: u32,
    /// The headers that it showed last.
    headers: Mutex<HashMap<BlockHash, RawHeader>>,
}

#[derive(Deserialize)]
struct Data {
    #[serde(default, deserialize_with = "headers")]
    header_infos: List<(u32, BlockHash, RawHeader)>,
    #[serde(default, deserialize_with = "nodes")]
    nodes: List<RemoteNode>,
}

/// What is taken of a list that may be of any length.
#[derive(Debug)]
struct List<T> {
    taken: Vec<T>,
    /// How many the list has.
    listed: usize,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { taken: Vec::new(), listed: 0 }
    }
}

#[derive(Deserialize)]
struct HeaderInfo {
    height: u32,
    hash: String,
    version: i64,
    prev_blockhash: String,
    merkle_root: String,
    time: u32,
    bits: u32,
    nonce: u32,
}

#[derive(Deserialize)]
struct NodeInfo {
    id: u32,
    #[serde(default)]
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    implementation: String,
    #[serde(default)]
    version: Option<String>,
    #[serde(default, deserialize_with = "tips")]
    tips: List<ChainTip>,
    #[serde(default)]
    last_changed_timestamp: Option<u64>,
    #[serde(default = "yes")]
    reachable: bool,
    /// It has this node of somebody else.
    #[serde(default)]
    remote_source: Option<IgnoredAny>,
}

fn yes() -> bool {
    true
}

/// Reads a list one by one, so that no more of it is in memory than what is taken. How many there are.
fn each<'de, T: Deserialize<'de>, D: Deserializer<'de>>(list: D, take: impl FnMut(T)) -> Result<usize, D::Error> {
    struct Each<T, F>(F, PhantomData<T>);

    impl<'de, T: Deserialize<'de>, F: FnMut(T)> Visitor<'de> for Each<T, F> {
        type Value = usize;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<usize, A::Error> {
            let mut listed = 0;
            while let Some(one) = list.next_element()? {
                (self.0)(one);
                listed += 1;
            }
            Ok(listed)
        }
    }

    list.deserialize_seq(Each(take, PhantomData))
}

/// The highest headers, which are the latest, from low to high.
fn headers<'de, D: Deserializer<'de>>(list: D) -> Result<List<(u32, BlockHash, RawHeader)>, D::Error> {
    let mut highest = BinaryHeap::new();
    let listed = each(list, |info: HeaderInfo| {
        let Some((hash, header)) = info.header() else { return };
        highest.push(Reverse((info.height, hash, header)));
        if highest.len() > MAX_HEADERS as usize {
            highest.pop();
        }
    })?;
    let mut taken: Vec<_> = highest.into_iter().map(|Reverse(header)| header).collect();
    taken.sort_unstable();
    Ok(List { taken, listed })
}

/// The first nodes that are the server's own. One hop: what it has of others comes from there, or not.
fn nodes<'de, D: Deserializer<'de>>(list: D) -> Result<List<RemoteNode>, D::Error> {
    let mut taken = Vec::new();
    let listed = each(list, |node: NodeInfo| {
        if taken.len() < MAX_REMOTE_NODES && node.remote_source.is_none() {
            taken.extend(node.node());
        }
    })?;
    Ok(List { taken, listed })
}

/// The first tips.
fn tips<'de, D: Deserializer<'de>>(list: D) -> Result<List<ChainTip>, D::Error> {
    let mut taken = Vec::new();
    let listed = each(list, |tip: ChainTip| {
        if taken.len() < MAX_LISTED {
            taken.push(tip);
        }
    })?;
    Ok(List { taken, listed })
}

impl HeaderInfo {
    /// The header, if its fields have the hash that is with them.
    fn header(&self) -> Option<(BlockHash, RawHeader)> {
        let fields = parse::Fields {
            version: self.version,
            previous: &self.prev_blockhash,
            merkle_root: &self.merkle_root,
            time: self.time,
            bits: self.bits,
            nonce: self.nonce,
        };
        fields.header(&self.hash)
    }
}

impl NodeInfo {
    fn node(self) -> Option<RemoteNode> {
        let List { taken, listed } = self.tips;
        let more = u32::try_from(listed.saturating_sub(taken.len())).unwrap_or(u32::MAX);
        let (tips, more_tips) = parse::tips(taken)?;
        Some(RemoteNode {
            id: self.id,
            name: parse::text(&self.name),
            description: parse::text(&self.description),
            implementation: parse::text(&self.implementation),
            version: self.version.map(|version| parse::text(&version)).filter(|version| !version.is_empty()),
            reachable: self.reachable,
            tips,
            more_tips: more_tips.saturating_add(more),
            changed_s: self.last_changed_timestamp.filter(|changed| *changed > 0),
        })
    }
}

impl ForkObserver {
    /// Nothing is sent yet.
    pub fn new(url: &ServerUrl, network: u32, certificate: Option<&Path>) -> Result<Self, SourceError> {
        Ok(Self { http: Http::new(url, certificate)?, network, headers: Mutex::default() })
    }

    async fn try_tips(&self) -> Result<Answer, SourceError> {
        let path = format!("/api/{}/data.json", self.network);
        let Data { header_infos, nodes } = self.http.json(Question::get(&path).max(MAX_DATA)).await?;
        // A network that it has not is empty.
        if header_infos.listed == 0 && nodes.listed == 0 {
            let advice = format!("see {}/api/networks.json for their ids", self.place());
            return Err(invalid(self.place(), &format!("it has nothing of a network {}; {advice}", self.network)));
        }
        let headers = header_infos.taken;
        *self.headers.lock() = headers.iter().map(|(_, hash, header)| (*hash, *header)).collect();
        let headers = headers.into_iter().map(|(height, _, header)| (height, header)).collect();
        Ok(Answer { headers, nodes: nodes.taken, ..Answer::default() })
    }
}

impl Source for ForkObserver {
    fn place(&self) -> &str {
        self.http.place()
    }

    fn transport(&self) -> &'static str {
        self.http.transport()
    }

    fn tips(&self) -> Asked<'_, Answer> {
        self.try_tips().boxed()
    }

    fn header(&self, hash: BlockHash) -> Asked<'_, RawHeader> {
        let header = self.headers.lock().get(&hash).copied();
        let absent = || SourceError::Absent(format!("{} does not show header {hash}", self.place()));
        std::future::ready(header.ok_or_else(absent)).boxed()
    }

    /// Stale ones only.
    fn block(&self, hash: BlockHash) -> Asked<'_, Vec<u8>> {
        async move {
            let path = format!("/api/{}/block/{hash}/hex", self.network);
            let body = self.http.ask(Question::get(&path).max(MAX_HEX)).await?;
            let block = hex::decode(body.trim_ascii()).map_err(|_| self.http.odd(&body))?;
            super::checked_block(self.place(), block, hash)
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_lists_without_end_no_more_is_taken_than_there_is_room_for() {
        let genesis = bitcoin::constants::genesis_block(bitcoin::Network::Bitcoin).header;
        let header = |height: u32| {
            serde_json::json!({
                "height": height, "hash": genesis.block_hash().to_string(), "version": genesis.version.to_consensus(),
                "prev_blockhash": genesis.prev_blockhash.to_string(), "merkle_root": genesis.merkle_root.to_string(),
                "time": genesis.time, "bits": genesis.bits.to_consensus(), "nonce": genesis.nonce,
            })
            .to_string()
        };
        let headers: Vec<String> = (0..3_000).map(header).collect();
        let tip = format!(r#"{{"hash":"{}","height":7,"status":"headers-only"}},"#, genesis.block_hash());
        let crowded = format!(r#"{{"id":0,"tips":[{}]}}"#, tip.repeat(9_000).trim_end_matches(','));
        let text = format!(
            r#"{{"header_infos":[{}],"nodes":[{crowded},{}{{"id":2}}]}}"#,
            headers.join(","),
            r#"{"id":1},"#.repeat(100_000)
        );
        let Data { header_infos, nodes } = serde_json::from_str(&text).unwrap();
        assert_eq!((header_infos.listed, header_infos.taken.len()), (3_000, MAX_HEADERS as usize));
        assert_eq!(
            (header_infos.taken.first().map(|header| header.0), header_infos.taken.last().map(|header| header.0)),
            (Some(1_000), Some(2_999))
        );
        assert_eq!((nodes.listed, nodes.taken.len()), (100_002, MAX_REMOTE_NODES));
        assert!(nodes.taken.capacity() < 2 * MAX_REMOTE_NODES);
        let first = nodes.taken.first().unwrap();
        assert_eq!((first.tips.len(), first.more_tips as usize), (1, 9_000 - MAX_LISTED));
        let Data { header_infos, nodes } = serde_json::from_str("{}").unwrap();
        assert_eq!((header_infos.listed, nodes.listed), (0, 0));
    }
}
