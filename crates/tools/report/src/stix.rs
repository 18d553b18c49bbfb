//! STIX 2.1 (OASIS): a bundle with an incident, indicators for the networks that a ban would have, how often they were sighted, and what
//! was observed. Ids follow from the content, so that a second bundle updates the first one.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use event::text::Sentence;
use ipnet::IpNet;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::hosts::Host;
use crate::story::rfc3339;
use crate::{Report, Tlp};

/// The namespace of the ids of observables: STIX 2.1, section 2.9.
const OBSERVABLES: Uuid = Uuid::from_u128(0x00ab_edb4_aa42_466c_9c01_fed2_3315_a9b7);
/// Indicators of a bundle, and addresses of each.
const MAX_INDICATORS: usize = 200;
const MAX_ADDRESSES: usize = 100;
/// The most that STIX counts.
const MAX_COUNT: u64 = 999_999_999;

struct Bundle<'a> {
    report: &'a Report,
    /// By id: each is there once.
    objects: BTreeMap<String, Value>,
    /// Ids in the order in which they came.
    order: Vec<String>,
    tlp: Tlp,
    identity: String,
    incident: String,
    nodes: Vec<String>,
}

/// The bundle, as JSON.
pub(crate) fn stix(report: &Report, tlp: Tlp) -> String {
    let mut bundle = Bundle {
        report,
        objects: BTreeMap::new(),
        order: Vec::new(),
        tlp,
        identity: id("identity", "peer-observer"),
        incident: id("incident", &report.incident.id),
        nodes: report.scope.nodes.iter().map(|node| id("identity", &format!("node {node}"))).collect(),
    };
    bundle.about();
    bundle.networks();
    let objects: Vec<Value> = bundle.order.iter().filter_map(|id| bundle.objects.remove(id)).collect();
    let all = json!({ "type": "bundle", "id": id("bundle", &format!("{}{}", report.incident.id, report.made_ns)), "objects": objects });
    format!("{all:#}\n")
}

/// An id that follows from a name.
fn id(kind: &str, name: &str) -> String {
    let own = Uuid::new_v5(&Uuid::NAMESPACE_URL, b"https://github.com/peer-observer/peer-observer");
    format!("{kind}--{}", Uuid::new_v5(&own, format!("{kind} {name}").as_bytes()))
}

/// The id of an observable, by the properties that make it (RFC 8785: their names in order, without spaces).
fn observable_id(kind: &str, made_of: &BTreeMap<&str, Value>) -> String {
    let canonical = serde_json::to_string(made_of).unwrap_or_default();
    format!("{kind}--{}", Uuid::new_v5(&OBSERVABLES, canonical.as_bytes()))
}

/// A time with milliseconds.
fn time(time_ns: u64) -> String {
    let text = event::time::rfc3339(time_ns);
    format!("{}Z", text.get(.."2026-01-31T12:00:00.000".len()).unwrap_or_default())
}

impl Bundle<'_> {
    fn push(&mut self, id: String, object: Value) {
        if self.objects.insert(id.clone(), object).is_none() {
            self.order.push(id);
        }
    }

    /// An object with what all have.
    fn add(&mut self, kind: &str, id: &str, properties: Value) {
        let scope = &self.report.scope;
        let mut object = Map::new();
        object.insert("type".to_owned(), kind.into());
        object.insert("spec_version".to_owned(), "2.1".into());
        object.insert("id".to_owned(), id.into());
        object.insert("created_by_ref".to_owned(), self.identity.as_str().into());
        object.insert("created".to_owned(), time(scope.since_ns).into());
        object.insert("modified".to_owned(), time(scope.last_ns).into());
        object.insert("object_marking_refs".to_owned(), json!([self.tlp.marking()]));
        if let Value::Object(properties) = properties {
            object.extend(properties);
        }
        self.push(id.to_owned(), object.into());
    }

    /// The marking, who reports, and the incident.
    fn about(&mut self) {
        let name = self.tlp.name();
        let marking = json!({
            "type": "marking-definition", "spec_version": "2.1", "id": self.tlp.marking(),
            "created": "2017-01-20T00:00:00.000Z", "definition_type": "tlp",
            "name": format!("TLP:{}", name.to_ascii_uppercase()), "definition": { "tlp": name },
        });
        self.push(self.tlp.marking().to_owned(), marking);
        let identity = self.identity.clone();
        self.add("identity", &identity, json!({ "name": "peer-observer", "identity_class": "system" }));
        let names = self.report.scope.nodes.clone();
        for (id, name) in self.nodes.clone().iter().zip(names) {
            let what = "A Bitcoin node that is observed.";
            self.add("identity", id, json!({ "name": name, "identity_class": "system", "description": what }));
        }
        let sentences: Vec<String> =
            self.report.incident.alerts.iter().take(20).map(|a| Sentence(a).to_string()).collect();
        let incident = self.incident.clone();
        let name = format!("Incident {}", self.report.name());
        self.add("incident", &incident, json!({ "name": name, "description": sentences.join("\n") }));
    }

    /// An indicator for each network of the ban list, with what was seen of it; and what was seen of the others.
    fn networks(&mut self) {
        let report = self.report;
        let Some(facts) = &report.facts else { return };
        let tied = facts.hosts.tied();
        let mut indicated: BTreeSet<IpAddr> = BTreeSet::new();
        for ban in report.bans.iter().flat_map(|bans| bans.list.iter().take(MAX_INDICATORS)) {
            let hosts: Vec<&Host> =
                tied.iter().filter(|host| host.ip.is_some_and(|ip| ban.net.contains(&ip))).copied().collect();
            indicated.extend(hosts.iter().filter_map(|host| host.ip));
            let observed = self.observed(&ban.net.to_string(), &hosts, ban.connections).unwrap_or_default();
            let indicator = id("indicator", &format!("{} {}", report.incident.id, ban.net));
            let what = format!("{} in incident {}", ban.net, report.name());
            self.add(
                "indicator",
                &indicator,
                json!({
                    "name": what, "description": ban.to_string(), "indicator_types": ["anomalous-activity"],
                    "pattern": pattern(ban.net), "pattern_type": "stix", "pattern_version": "2.1",
                    "valid_from": time(report.scope.since_ns),
                }),
            );
            let (first, last) = seen(&hosts, report);
            let mut sighting = json!({
                "sighting_of_ref": indicator, "first_seen": time(first), "last_seen": time(last),
                "count": ban.connections.clamp(1, MAX_COUNT), "observed_data_refs": observed,
            });
            if let Some(sighting) = sighting.as_object_mut().filter(|_| !self.nodes.is_empty()) {
                sighting.insert("where_sighted_refs".to_owned(), json!(self.nodes));
            }
            self.add("sighting", &id("sighting", &indicator), sighting);
            let incident = self.incident.clone();
            self.relate(&indicator, &incident);
        }
        let rest: Vec<&Host> =
            tied.iter().filter(|host| host.ip.is_none_or(|ip| !indicated.contains(&ip))).copied().collect();
        let connections = rest.iter().map(|host| host.connections).sum();
        let observed = self.observed("others", &rest, connections);
        let incident = self.incident.clone();
        observed.iter().flatten().for_each(|observed| self.relate(observed, &incident));
    }

    fn relate(&mut self, from: &str, to: &str) {
        let properties = json!({ "relationship_type": "related-to", "source_ref": from, "target_ref": to });
        self.add("relationship", &id("relationship", &format!("{from} {to}")), properties);
    }

    /// What was seen of addresses. Returns the id of that; none if none of them is an IP address.
    fn observed(&mut self, name: &str, hosts: &[&Host], connections: u64) -> Option<Vec<String>> {
        let mut refs = Vec::new();
        for host in hosts.iter().take(MAX_ADDRESSES) {
            refs.extend(self.address(host));
        }
        refs.sort();
        refs.dedup();
        if refs.is_empty() {
            return None;
        }
        let (first, last) = seen(hosts, self.report);
        let observed = id("observed-data", &format!("{} {name}", self.report.incident.id));
        self.add(
            "observed-data",
            &observed,
            json!({
                "first_observed": time(first), "last_observed": time(last),
                "number_observed": connections.clamp(1, MAX_COUNT), "object_refs": refs,
            }),
        );
        Some(vec![observed])
    }

    /// The observables of an address: itself, its autonomous system, and its traffic.
    fn address(&mut self, host: &Host) -> Vec<String> {
        let ip = host.ip.or_else(|| event::filter::ip_of(&host.name));
        let Some(ip) = ip else { return Vec::new() };
        let (kind, network) = if ip.is_ipv4() { ("ipv4-addr", "ipv4") } else { ("ipv6-addr", "ipv6") };
        let address = observable_id(kind, &BTreeMap::from([("value", json!(ip))]));
        let mut refs = vec![address.clone()];
        let mut object = json!({ "type": kind, "spec_version": "2.1", "id": address, "value": ip });
        if let (Some(asn), Some(object)) = (host.asn, object.as_object_mut()) {
            let system = observable_id("autonomous-system", &BTreeMap::from([("number", json!(asn))]));
            object.insert("belongs_to_refs".to_owned(), json!([system]));
            let as_object = json!({ "type": "autonomous-system", "spec_version": "2.1", "id": system, "number": asn });
            self.push(system.clone(), as_object);
            refs.push(system);
        }
        self.push(address.clone(), object);
        // Whole seconds: who makes the id again may write parts of them in another way.
        let (start, end) = (rfc3339(host.first_ns), rfc3339(host.last_ns.max(host.first_ns)));
        let made_of = BTreeMap::from([
            ("end", json!(end)),
            ("protocols", json!([network, "tcp"])),
            ("src_ref", json!(address)),
            ("start", json!(start)),
        ]);
        let traffic = observable_id("network-traffic", &made_of);
        let mut object = json!({
            "type": "network-traffic", "spec_version": "2.1", "id": traffic, "start": start, "end": end,
            "is_active": false, "src_ref": address, "protocols": [network, "tcp"],
        });
        if let (Some(counted), Some(object)) = (host.traffic(), object.as_object_mut()) {
            object.insert("src_byte_count".to_owned(), counted.received_bytes.into());
            object.insert("dst_byte_count".to_owned(), counted.sent_bytes.into());
        }
        self.push(traffic.clone(), object);
        refs.push(traffic);
        refs
    }
}

/// When addresses were seen for the first and the last time.
fn seen(hosts: &[&Host], report: &Report) -> (u64, u64) {
    let first = hosts.iter().map(|host| host.first_ns).min().unwrap_or(report.scope.since_ns);
    let last = hosts.iter().map(|host| host.last_ns).max().unwrap_or(report.scope.last_ns);
    (first, last.max(first))
}

/// A pattern that matches the addresses of a network.
fn pattern(net: IpNet) -> String {
    let kind = if net.addr().is_ipv4() { "ipv4-addr" } else { "ipv6-addr" };
    if net.prefix_len() == net.max_prefix_len() {
        return format!("[{kind}:value = '{}']", net.addr());
    }
    format!("[{kind}:value ISSUBSET '{net}']")
}

impl Tlp {
    /// The id of its marking: STIX 2.1, section 7.2.1.4.
    fn marking(self) -> &'static str {
        match self {
            Self::White => "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9",
            Self::Green => "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da",
            Self::Amber => "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82",
            Self::Red => "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::White => "white",
            Self::Green => "green",
            Self::Amber => "amber",
            Self::Red => "red",
        }
    }
}
