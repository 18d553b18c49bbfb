//! How many events of which kind each node of the demo gave: what it ends with.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::Result;
use bus::{Bus, Delivery, Subscription};
use event::{Kind, Source};

/// Numbers of events.
#[derive(Default)]
pub struct Totals {
    by_kind: BTreeMap<(String, Option<Source>, Kind), u64>,
    lost: u64,
}

/// Counts all events until the subscription ends.
pub async fn count(mut subscription: Subscription) -> Result<Totals> {
    let mut totals = Totals::default();
    while let Some(item) = subscription.next().await {
        match item {
            Delivery::Event(record) => {
                let envelope = record.envelope();
                let key = (envelope.node.to_string(), envelope.kind.source(), envelope.kind);
                *totals.by_kind.entry(key).or_default() += 1;
            }
            Delivery::Lost(loss) => totals.lost += loss.missing,
            Delivery::Mark(_) | Delivery::Checkpoint(_) => {}
        }
    }
    Ok(totals)
}

impl Totals {
    /// Nodes and sources of which no event came.
    pub fn silent(&self, names: &[String], sources: &[Source]) -> Vec<(String, Source)> {
        let gave = |name: &str, source| self.by_kind.keys().any(|(node, of, _)| node == name && *of == Some(source));
        let all = names.iter().flat_map(|name| sources.iter().map(move |source| (name.clone(), *source)));
        all.filter(|(name, source)| !gave(name, *source)).collect()
    }

    /// The numbers as a table, and the events that were lost.
    pub fn text(&self, names: &[String], bus: &Bus) -> String {
        let count = |name: &str, kind| {
            self.by_kind.iter().filter(|((node, _, of), _)| node == name && *of == kind).map(|(_, count)| count).sum()
        };
        let mut text = String::from("\nEvents by node, source and kind\n");
        let mut kinds: Vec<(Option<Source>, Kind)> =
            self.by_kind.keys().map(|(_, source, kind)| (*source, *kind)).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let mut row = |source: &str, kind: &str, cells: Vec<String>| {
            let cells: String = cells.iter().map(|cell| format!(" {cell:>10}")).collect();
            let _ = writeln!(text, "  {source:<9} {kind:<28}{cells}");
        };
        row("source", "kind", names.to_vec());
        for (source, kind) in kinds {
            let counts: Vec<u64> = names.iter().map(|name| count(name, kind)).collect();
            let cells = counts.iter().map(u64::to_string).collect();
            row(source.map_or("?", Source::name), kind.name(), cells);
        }
        let total: u64 = self.by_kind.values().sum();
        // What was dropped before it came here is missing here, too.
        let lost = bus.accounts().dropped_total().max(self.lost);
        let _ = writeln!(text, "total: {total}\nlost: {lost}");
        text
    }
}
