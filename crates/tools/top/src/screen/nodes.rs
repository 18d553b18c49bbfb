//! The table of nodes.

use model::NodeState;

use super::table::{Cell, Column, HIDDEN, Row, RowId, Tone};
use crate::format::{age, bytes, count, plain, rate};
use crate::lines::MAX_NAME;
use crate::summary::{Level, Summary};

const fn column(title: &'static str, about: &'static str, right: bool, rank: u8) -> Column {
    Column { title, about, right, rank }
}

pub const COLUMNS: &[Column] = &[
    column("node", "name", false, 0),
    column("state", "up, starting, hanging or down, and since when; silent: nothing comes from it", false, 1),
    column("in", "peers that connected to it", true, 3),
    column("out", "peers that it connected to", true, 3),
    column("msg/s", "P2P messages per second, received and sent", true, 4),
    column("height", "height of its tip", true, 5),
    column("block", "age of its tip, by the time in the header", true, 5),
    column("mempool", "transactions in the mempool", true, 7),
    column("what is odd", "the worst of the last ten minutes, and how much more there is", false, 2),
    column("version", "user agent", false, HIDDEN),
    column("chain", "main, test, testnet4, signet or regtest", false, HIDDEN),
    column("up for", "since its process was started", false, HIDDEN),
    column("msg/s in", "P2P messages per second that it receives", false, HIDDEN),
    column("msg/s out", "P2P messages per second that it sends", false, HIDDEN),
    column("mempool size", "virtual bytes in the mempool", false, HIDDEN),
    column("sources", "its extractors; (down) if one cannot read it", false, HIDDEN),
];

/// What a level looks like.
pub fn tone(level: Level) -> Tone {
    match level {
        Level::Bad => Tone::Bad,
        Level::Warning => Tone::Warning,
        Level::Note => Tone::Dim,
    }
}

/// What a state looks like.
pub fn tone_of_state(state: NodeState) -> Tone {
    match state {
        NodeState::Up => Tone::Good,
        NodeState::Starting => Tone::Warning,
        NodeState::Hanging | NodeState::Down | NodeState::Unknown => Tone::Bad,
    }
}

/// The row of a node.
pub fn row(node: &Summary) -> Row {
    let whole = |value: Option<u64>| Cell::number(value, |value| value as f64, count);
    let second = |value: Option<f64>| Cell::number(value, |value| value, rate);
    // The worst first: those that are not there, then by what is odd.
    let state = f64::from(u8::from(node.state == NodeState::Up) * 2 + u8::from(node.state == NodeState::Starting));
    let odd = node.level().map(|level| f64::from(level as u8));
    let sources: Vec<String> =
        node.sources.iter().map(|(name, is_up)| if *is_up { name.clone() } else { format!("{name} (down)") }).collect();
    Row {
        id: RowId { node: node.name.clone(), ..RowId::default() },
        cells: vec![
            Cell::text(Some(plain(&node.name, MAX_NAME))).toned(Tone::Strong),
            Cell::number(Some(state), |state| state, |_| node.state_text()).toned(tone_of_state(node.state)),
            whole(node.peers.map(|(inbound, _)| inbound)),
            whole(node.peers.map(|(_, outbound)| outbound)),
            second(node.rates.map(|(received, sent)| received + sent)),
            Cell::number(node.height, f64::from, |height| height.to_string()),
            Cell::number(node.block_seconds, |seconds| seconds as f64, age),
            whole(node.mempool.map(|(transactions, _)| transactions)),
            match odd {
                Some(odd) => Cell::number(Some(odd), |odd| odd, |_| node.odd_text())
                    .toned(node.level().map_or(Tone::Normal, tone)),
                None => Cell { text: String::new(), ..Cell::text(None::<String>) },
            },
            Cell::text(node.version.clone()),
            Cell::text(node.chain.clone()),
            Cell::number(node.uptime, |seconds| seconds as f64, age),
            second(node.rates.map(|(received, _)| received)),
            second(node.rates.map(|(_, sent)| sent)),
            Cell::number(node.mempool.map(|(_, size)| size), |size| size as f64, bytes),
            Cell::text((!sources.is_empty()).then(|| sources.join(", "))),
        ],
        is_old: !node.is_current(),
    }
}
