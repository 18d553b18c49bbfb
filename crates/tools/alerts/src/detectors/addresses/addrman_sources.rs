//! The address manager is filled by few peers.

use std::collections::HashMap;

use event::Record;
use event::pb::alerts::Severity;
use event::pb::rpc_extractor::Addrman;
use event::pb::rpc_extractor::rpc::RpcEvent;
use model::{Context, Observer, Peers};

use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::noted::polled;
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

/// Sources of the largest share that are looked at.
const FEW: usize = 3;

parameters! {
    /// Share of the three /24 of IPv4 or /64 of IPv6 from which most entries of the table `new` are, of all entries.
    share: 0.5, "share", 0.01..=1.0, "A new node has asked eight peers for a thousand addresses each; later there are hundreds of sources. Bitcoin Core lets one /16 fill a sixteenth of the table.";
    /// Entries of the table.
    least: 5_000.0, "entries", 10.0..=65_536.0, "A node that was just started has asked a few peers only.";
}

/// Finds address managers that few peers filled.
pub(crate) struct AddrmanSources {
    me: Me,
    parameters: Parameters,
}

impl Detector for AddrmanSources {
    const ROW: Row = Row {
        name: "addrman_sources",
        family: "addresses",
        severity: Severity::Critical,
        title: "few peers filled the address manager",
        sees: "The sources of the entries in the table new, by getrawaddrman: how many the three subnets with the most have. Whoever fills \
               the table chooses to whom the node connects.",
        misses: "Nodes that are not asked with getrawaddrman (Bitcoin Core v26 and later have it). An attacker with many subnets.",
        timing: Timing { after: 0, hold: 7_200, warm_up: 0 },
        parameters: Parameters::ALL,
        related: &["address_flood"],
    };

    fn new(me: Me, values: &Values) -> Self {
        Self { me, parameters: Parameters::of(values) }
    }
}

/// The subnet of a source, or its name where it has none.
fn place(source: &str) -> String {
    source.parse().map_or_else(|_| source.to_owned(), |ip| networks::subnet(ip).to_string())
}

impl AddrmanSources {
    fn judge(&self, addrman: &Addrman, context: &mut Context<Sink>) {
        let mut by_source: HashMap<&str, f64> = HashMap::new();
        for entry in addrman.new.values().flat_map(|bucket| bucket.entries.values()) {
            *by_source.entry(entry.source.as_str()).or_default() += 1.0;
        }
        let mut by_place: HashMap<String, f64> = HashMap::new();
        for (source, count) in by_source {
            *by_place.entry(place(source)).or_default() += count;
        }
        let mut counts: Vec<f64> = by_place.into_values().collect();
        counts.sort_unstable_by(|one, other| other.total_cmp(one));
        let (sources, entries) = (counts.len() as f64, counts.iter().sum::<f64>());
        if entries == 0.0 {
            return;
        }
        let Parameters { share: threshold, least } = self.parameters;
        let share = counts.iter().take(FEW).sum::<f64>() / entries;
        let even = (-counts.iter().map(|count| count / entries * (count / entries).ln()).sum::<f64>()).exp();
        let score = (share / threshold).min(entries / least);
        if score < crate::STAYS && context.is_open(self.me, &Subject::Node) {
            context.clear(self.me, &Subject::Node);
        }
        context.report(self.me, score, || {
            Finding::new(
                Subject::Node,
                "{share} of the {entries} in the table new of {subject} are from three subnets; {sources} have any, as few as {even} \
                 with the same number each.",
            )
            .compared("share", share, "share", threshold)
            .compared("entries", entries, "entries", least)
            .number("sources", sources, "subnets")
            .number("even", even, "")
        });
    }
}

impl Observer<Sink, Details> for AddrmanSources {
    fn event(&mut self, record: &Record, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        if let Some(RpcEvent::Addrman(addrman)) = polled(record) {
            self.judge(addrman, context);
        }
    }
}
