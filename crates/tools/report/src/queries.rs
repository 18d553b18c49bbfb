//! The question to `peer-observer export`, for DuckDB, that shows an incident again: one for each family of detectors, about its subjects.

use alert_state::Incident;
use event::pb::alerts::{Subject, SubjectKind};
use ipnet::IpNet;

use crate::scope::{Scope, host, routed};
use crate::story::rfc3339;

/// Subjects that a query names.
const MAX_SUBJECTS: usize = 20;
/// Queries of a report.
const MAX_QUERIES: usize = 3;

/// A question in SQL.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    /// What it asks.
    pub title: &'static str,
    /// The question itself.
    pub sql: String,
}

/// The questions about an incident. `source` is where messages and connections are from: `ebpf`, or `log`.
pub(crate) fn queries(incident: &Incident, scope: &Scope, source: &str) -> Vec<Query> {
    let mut families: Vec<&str> = Vec::new();
    for alert in &incident.alerts {
        if !families.contains(&alert.family.as_str()) {
            families.push(&alert.family);
        }
    }
    let subjects = |family: &str| -> Vec<&Subject> {
        let of_family = incident.alerts.iter().filter(|alert| alert.family == family);
        of_family.map(|alert| &alert.subject).take(MAX_SUBJECTS).collect()
    };
    families.into_iter().take(MAX_QUERIES).map(|family| query(family, &subjects(family), scope, source)).collect()
}

fn query(family: &str, subjects: &[&Subject], scope: &Scope, source: &str) -> Query {
    let when = when(scope);
    let of = |addr: &str| {
        let conditions: Vec<String> = subjects.iter().filter_map(|subject| about(subject, addr)).collect();
        if conditions.is_empty() { String::new() } else { format!("\n    AND ({})", conditions.join("\n        OR ")) }
    };
    let (who, gossiped) = (of("addr"), of("peer_addr"));
    let source = format!("source = {}", text(source));
    let minute = "time_bucket(INTERVAL 1 MINUTE, time) AS minute";
    match family {
        "addresses" => Query {
            title: "Addresses that each peer gossiped",
            sql: format!(
                "SELECT node, peer_id, peer_addr, count(*) AS addresses,\n    count(DISTINCT (address, port)) AS \
                 distinct_addresses,\n    count(DISTINCT (run, sequence)) AS messages, max(entries) AS largest\n\
                 FROM addresses\nWHERE source = 'ebpf' AND direction = 'inbound'{when}{gossiped}\nGROUP BY node, \
                 peer_id, peer_addr\nORDER BY addresses DESC, node, peer_id\nLIMIT 20;"
            ),
        },
        "blocks" => Query {
            title: "What was heard of blocks, and from whom",
            sql: format!(
                "SELECT node, event, lower(hex(hash)) AS hash, height, addr, count(*) AS times, min(time) AS first\n\
                 FROM blocks\nWHERE true{when}{}\nGROUP BY node, event, hash, height, addr\nORDER BY first, event, \
                 addr\nLIMIT 100;",
                if has_block(subjects) { blocks(subjects) } else { who }
            ),
        },
        "eclipse" => Query {
            title: "Connections that the node opened and lost",
            sql: format!(
                "SELECT time, node, event, addr, network, prefix, asn, connection_type\nFROM connections\nWHERE {source} \
                 AND direction = 'outbound'{when}\nORDER BY time, node, addr\nLIMIT 200;"
            ),
        },
        "load" => Query {
            title: "Messages by minute",
            sql: format!(
                "SELECT node, {minute}, direction, count(*) AS messages, sum(size) AS bytes\nFROM messages\nWHERE \
                 true{when}\nGROUP BY ALL\nORDER BY node, minute, direction;"
            ),
        },
        "log" => Query {
            title: "Entries of debug.log by minute",
            sql: format!(
                "SELECT node, {minute}, level, count(*) AS entries, sum(bytes) AS bytes,\n    count(*) FILTER \
                 (suppressing) AS while_limited\nFROM log\nWHERE true{when}\nGROUP BY ALL\nORDER BY node, minute, level;"
            ),
        },
        "mempool" => Query {
            title: "What happened in the mempool, by minute",
            sql: format!(
                "SELECT node, {minute}, event, reason, count(*) AS transactions, sum(vsize) AS vbytes\nFROM \
                 mempool\nWHERE event <> 'info'{when}\nGROUP BY ALL\nORDER BY node, minute, event, reason;"
            ),
        },
        "protocol" => Query {
            title: "Messages of the peers by type",
            sql: format!(
                "SELECT node, peer_id, addr, message_type, count(*) AS messages, sum(size) AS bytes,\n    min(time) AS \
                 first, max(time) AS last\nFROM messages\nWHERE direction = 'inbound'{when}{who}\nGROUP BY node, \
                 peer_id, addr, message_type\nORDER BY messages DESC, node, peer_id\nLIMIT 50;"
            ),
        },
        "connections" | "spies" => Query {
            title: "Connections by network, and how long they lasted",
            sql: format!(
                "SELECT node, prefix, count(*) FILTER (event = 'opened') AS opened, count(*) FILTER (event = 'closed') \
                 AS closed,\n    count(DISTINCT regexp_replace(addr, ':\\d+$', '')) AS hosts,\n    round(median(lifetime), \
                 1) AS median_seconds, count(DISTINCT user_agent) AS user_agents\nFROM connections\nWHERE {source} AND \
                 direction = 'inbound'{when}{who}\nGROUP BY node, prefix\nORDER BY opened DESC, node, prefix\nLIMIT 50;"
            ),
        },
        _ => Query {
            title: "Events by source and run, and those that are missing",
            sql: format!(
                "SELECT node, source, run, count(*) AS events, min(time) AS first, max(time) AS last,\n    max(sequence) \
                 - min(sequence) + 1 - count(*) AS missing\nFROM events\nWHERE sequence IS NOT NULL{when}\nGROUP BY \
                 node, source, run\nORDER BY node, source, run;"
            ),
        },
    }
}

/// The time and the nodes.
fn when(scope: &Scope) -> String {
    let (from, to) = (rfc3339(scope.from_ns), rfc3339(scope.to_ns));
    let date = |time: &str| time.split('T').next().unwrap_or_default().to_owned();
    let mut when = format!(
        "\n    AND date BETWEEN DATE '{}' AND DATE '{}'\n    AND time BETWEEN TIMESTAMPTZ '{from}' AND TIMESTAMPTZ '{to}'",
        date(&from),
        date(&to)
    );
    if !scope.nodes.is_empty() {
        let nodes: Vec<String> = scope.nodes.iter().map(|node| text(node)).collect();
        when += &format!("\n    AND node IN ({})", nodes.join(", "));
    }
    when
}

/// The condition that rows are about a subject, by the name of the column with the address; none if it is about all.
fn about(subject: &Subject, addr: &str) -> Option<String> {
    let known = |condition: String| {
        format!(
            "(node, peer_id) IN (\n            SELECT (node, peer_id) FROM connections WHERE {condition}\n            \
             UNION SELECT (node, peer_id) FROM peers WHERE {condition})"
        )
    };
    match subject.kind() {
        SubjectKind::Peer => {
            let (routed, id) = (routed(&subject.text), subject.peer_id);
            match (routed, &subject.node, id) {
                (Some(ip), ..) => {
                    let ip = if ip.is_ipv6() { format!("[{ip}]") } else { ip.to_string() };
                    Some(format!("regexp_replace({addr}, ':\\d+$', '') = {}", text(&ip)))
                }
                (None, Some(node), Some(id)) => {
                    Some(format!("(node = {} AND peer_id = {id} AND {addr} = {})", text(node), text(&subject.text)))
                }
                _ => Some(format!("regexp_replace({addr}, ':\\d+$', '') = {}", text(host(&subject.text)))),
            }
        }
        SubjectKind::Subnet => {
            let net: IpNet = subject.text.parse().ok()?;
            let own = if net.addr().is_ipv4() { 24 } else { 64 };
            (net.prefix_len() == own).then(|| known(format!("prefix = {}", text(&net.to_string()))))
        }
        SubjectKind::As => {
            let asn: u32 = subject.text.trim_start_matches("AS").parse().ok()?;
            Some(known(format!("asn = {asn}")))
        }
        SubjectKind::Agent => Some(known(format!("user_agent = {}", text(&subject.text)))),
        SubjectKind::Network | SubjectKind::Node | SubjectKind::Block | SubjectKind::Part | SubjectKind::Series => None,
    }
}

fn hash(subject: &Subject) -> Option<&str> {
    let is_hash = |text: &&str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    Some(subject.text.as_str()).filter(|_| subject.kind() == SubjectKind::Block).filter(is_hash)
}

fn has_block(subjects: &[&Subject]) -> bool {
    subjects.iter().any(|subject| hash(subject).is_some())
}

fn blocks(subjects: &[&Subject]) -> String {
    let hashes: Vec<_> = subjects.iter().filter_map(|subject| Some(format!("unhex('{}')", hash(subject)?))).collect();
    format!("\n    AND hash IN ({})", hashes.join(", "))
}

/// Text as SQL has it. Control characters, which no name here needs, are left out.
fn text(text: &str) -> String {
    let safe: String = text.chars().filter(|c| !c.is_control()).take(256).collect();
    format!("'{}'", safe.replace('\'', "''"))
}
