//! `GET /rss/<id>/<feed>.xml`: forks, invalid blocks, and nodes that lag or cannot be reached, as feeds (RSS 2.0).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use bitcoin::hashes::Hash as _;
use event::pb::chain::Status;
use event::quote::{HashText, Markup};

use super::api::fields;
use super::{Context, answer_of, harmless, network_id, refusal};
use crate::snapshot::{Hash, HeaderSnapshot, NetworkSnapshot, NodeSnapshot};

/// Items of a feed at most.
const MAX_ITEMS: usize = 50;

/// Blocks or nodes that an item names at most.
const MAX_NAMED: usize = 20;

/// A node is listed as lagging if it is more blocks behind than this.
const LAG: u32 = 3;

/// The feeds.
pub(super) const FEEDS: [Feed; 4] = [Feed::Forks, Feed::Invalid, Feed::Lagging, Feed::Unreachable];

/// What a feed is about.
#[derive(Clone, Copy)]
pub(super) enum Feed {
    Forks,
    Invalid,
    Lagging,
    Unreachable,
}

/// An entry of a feed, of plain text.
struct Item {
    title: String,
    description: String,
    /// The same as long as it is about the same thing: readers show it once.
    guid: String,
}

/// A feed of a network.
pub(super) async fn feed(State(context): State<Context>, Path((network, file)): Path<(String, String)>) -> Response {
    let id = match network_id(&network) {
        Ok(id) => id,
        Err(refusal) => return *refusal,
    };
    let Some(feed) = FEEDS.into_iter().find(|feed| file.strip_suffix(".xml") == Some(feed.name())) else {
        return refusal(StatusCode::NOT_FOUND, "there is no such feed: / lists them");
    };
    let Some(network) = context.published.network(id) else {
        return refusal(StatusCode::NOT_FOUND, "there is no such network: see /api/networks.json");
    };
    answer_of("application/rss+xml; charset=utf-8", feed.document(&network, &context.base).into_bytes())
}

impl Feed {
    /// The name of its file, without the ending.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Forks => "forks",
            Self::Invalid => "invalid",
            Self::Lagging => "lagging",
            Self::Unreachable => "unreachable",
        }
    }

    /// What is in it, for people.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Forks => "Recent Forks",
            Self::Invalid => "Invalid Blocks",
            Self::Lagging => "Lagging nodes",
            Self::Unreachable => "Unreachable nodes",
        }
    }

    /// Title and description of the feed of a network.
    fn channel(self, network: &str) -> (String, String) {
        let of = if matches!(self, Self::Lagging) { "on" } else { "-" };
        let about = match self {
            Self::Forks => format!("Forks of {network} that a node knows of"),
            Self::Invalid => format!("Blocks of {network} that a node holds to be invalid"),
            Self::Lagging => format!("Nodes on {network} that are more than {LAG} blocks behind the best one"),
            Self::Unreachable => format!("Nodes on {network} that do not answer"),
        };
        (format!("{} {of} {network}", self.title()), about)
    }

    fn items(self, network: &NetworkSnapshot) -> Vec<Item> {
        match self {
            Self::Forks => forks(network),
            Self::Invalid => invalid(network),
            Self::Lagging => lagging(network),
            Self::Unreachable => unreachable(network),
        }
    }

    /// The feed, in XML.
    fn document(self, network: &NetworkSnapshot, base: &str) -> String {
        let (title, description) = self.channel(&network.name);
        let (base, id, name) = (xml(base), network.id, self.name());
        let mut feed = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<rss version=\"2.0\" xmlns:atom=\"http://www.w3.org/2005/Atom\">\n<channel>\n\
             <title>{}</title>\n<description>{}</description>\n<link>{base}/</link>\n\
             <atom:link href=\"{base}/rss/{id}/{name}.xml\" rel=\"self\" type=\"application/rss+xml\"/>\n",
            xml(&title),
            xml(&description),
        );
        for Item { title, description, guid } in self.items(network).iter().take(MAX_ITEMS) {
            // Writing to a string does not fail.
            let _ = writeln!(
                feed,
                "<item>\n<title>{}</title>\n<description>{}</description>\n<guid isPermaLink=\"false\">{}</guid>\n</item>",
                xml(title),
                xml(description),
                xml(guid),
            );
        }
        feed + "</channel>\n</rss>\n"
    }
}

/// The blocks on which more than one builds, highest first.
fn forks(network: &NetworkSnapshot) -> Vec<Item> {
    let mut children: BTreeMap<usize, Vec<&HeaderSnapshot>> = BTreeMap::new();
    for header in &network.headers {
        let Some((place, parent)) = header.parent.and_then(|place| Some((place, network.headers.get(place)?))) else {
            continue;
        };
        // Between others, headers may be left out.
        if fields(&header.header).prev_blockhash.to_byte_array() == parent.hash {
            children.entry(place).or_default().push(header);
        }
    }
    let forks = children.into_iter().rev().filter(|(_, children)| children.len() > 1);
    let item = |(place, children): (usize, Vec<&HeaderSnapshot>)| {
        let common = network.headers.get(place)?;
        let height = common.height;
        let kind = if children.len() > 2 { "Multi-fork" } else { "Fork" };
        let blocks = children.iter().map(|child| match child.miner.as_str() {
            "" => HashText(&child.hash).to_string(),
            miner => format!("{} by {}", HashText(&child.hash), harmless(miner)),
        });
        Some(Item {
            title: format!("{kind} at height {height}"),
            description: format!(
                "{} blocks build on block {} at height {height}: {}",
                children.len(),
                HashText(&common.hash),
                list(blocks)
            ),
            guid: HashText(&common.hash).to_string(),
        })
    };
    forks.filter_map(item).collect()
}

/// The blocks that a node holds to be invalid, highest first.
fn invalid(network: &NetworkSnapshot) -> Vec<Item> {
    let mut blocks: BTreeMap<(u32, Hash), Vec<&NodeSnapshot>> = BTreeMap::new();
    for node in &network.nodes {
        for tip in node.tips.iter().filter(|tip| tip.status == Status::Invalid) {
            blocks.entry((tip.height, tip.hash)).or_default().push(node);
        }
    }
    let item = |((height, hash), nodes): ((u32, Hash), Vec<&NodeSnapshot>)| Item {
        title: format!("Invalid block at height {height}"),
        description: format!(
            "Block {} at height {height} is invalid by {}",
            HashText(&hash),
            list(nodes.into_iter().map(described))
        ),
        guid: HashText(&hash).to_string(),
    };
    blocks.into_iter().rev().map(item).collect()
}

fn lagging(network: &NetworkSnapshot) -> Vec<Item> {
    let Some(best) = network.best_height else { return Vec::new() };
    let item = |node: &NodeSnapshot| {
        let height = node.height?;
        let behind = best.checked_sub(height).filter(|behind| *behind > LAG)?;
        let name = shown(&node.name, node);
        Some(Item {
            title: format!("Node {name} is lagging behind"),
            description: format!("Node {} is at height {height}, {behind} blocks behind {best}", described(node)),
            guid: format!("lagging-node-{name}-on-{height}"),
        })
    };
    network.nodes.iter().filter_map(item).collect()
}

fn unreachable(network: &NetworkSnapshot) -> Vec<Item> {
    let item = |node: &NodeSnapshot| Item {
        title: format!("Node {} (id {}) is unreachable", shown(&node.name, node), node.id),
        description: format!(
            "Node {} does not answer; its tips may have changed since they were read",
            described(node)
        ),
        guid: format!("unreachable-node-{}-last-{}", node.id, node.changed_ns.unwrap_or_default() / 1_000_000_000),
    };
    network.nodes.iter().filter(|node| !node.reachable).map(item).collect()
}

/// A node with its id, and that its rules are others if they are.
fn described(node: &NodeSnapshot) -> String {
    let rules = if node.other_rules { ", which has other rules than Bitcoin's" } else { "" };
    format!("{} (id {}{rules})", shown(&node.name, node), node.id)
}

/// A text of a node. The operator's own texts are shown as they are.
fn shown(text: &str, node: &NodeSnapshot) -> String {
    if node.remote_source.is_some() { harmless(text) } else { text.to_owned() }
}

/// Some of them, and how many there are besides.
fn list(all: impl ExactSizeIterator<Item = String>) -> String {
    let more = all.len().saturating_sub(MAX_NAMED);
    let named: Vec<String> = all.take(MAX_NAMED).collect();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    named.join(", ") + &more
}

/// A text in XML: what has a meaning there is escaped, and what may not be there at all is replaced.
fn xml(text: &str) -> String {
    let is_illegal = |c: char| matches!(c, '\0'..' ' | '\u{fffe}' | '\u{ffff}') && !matches!(c, '\t' | '\n');
    Markup(&text.replace(is_illegal, "\u{fffd}")).to_string()
}
