//! The public mode: nothing that is served has an address of the samples, or anything else that would reveal where the node is.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use serde_json::Value;
use web::{Options, Public};

use crate::running::{PATIENCE, Running, samples};

/// Host names and addresses in a text, without their ports.
fn hosts(text: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || ".:-".contains(c);
    text.split(move |c: char| !is_part(c)).filter_map(|word| {
        let word = word.trim_matches(['.', ':', '-']);
        let bare = word.rsplit_once(':').filter(|(host, port)| !host.contains(':') && port.parse::<u16>().is_ok());
        let bare = bare.map_or(word, |(host, _)| host);
        let is_address = bare.parse::<IpAddr>().is_ok_and(|ip| !ip.is_loopback() && !ip.is_unspecified());
        (is_address || bare.ends_with(".onion") || bare.ends_with(".i2p")).then_some(bare)
    })
}

fn texts<'a>(value: &'a Value, into: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => into.push(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, into)),
        Value::Object(fields) => {
            for (name, value) in fields {
                into.push(name);
                texts(value, into);
            }
        }
        _ => {}
    }
}

/// What tells the node from others.
const VERSION: u64 = 319_977;
const RELEASE: &str = "31.97.7";
/// When it started, which was on 2026-01-27.
const START: u64 = 1_769_512_345;

/// An event with what the node says of itself marked.
fn marked(sample: &event::Record) -> event::Record {
    let mut json: Value = serde_json::from_str(&event::json::to_json(sample)).unwrap();
    let kind = json["kind"].as_str().unwrap().to_owned();
    let agent = format!("/Satoshi:{RELEASE}/");
    let body = &mut json["body"];
    match kind.as_str() {
        "network_info" => {
            body["version"] = VERSION.into();
            body["subversion"] = agent.into();
            body["warnings"] = vec![format!("test build of {RELEASE}")].into();
        }
        "node_version" => body["user_agent"] = agent.into(),
        "node_started" => body["node_started"]["version"] = format!("Bitcoin Core version v{RELEASE}").into(),
        "node_process" => body["started_ns"] = (START * 1_000_000_000).to_string().into(),
        "uptime" => {
            let seconds = sample.envelope().time_ns / 1_000_000_000 - START;
            if body.is_number() {
                *body = seconds.into();
            }
        }
        "status" => {
            body["started_ns"] = (START * 1_000_000_000).to_string().into();
            if body["node"].is_object() {
                body["node"]["since_ns"] = (START * 1_000_000_000).to_string().into();
            }
        }
        "peer_infos" => body["infos"][0]["connection_time"] = START.into(),
        _ => {}
    }
    event::json::from_json(&json.to_string(), &mut event::NodeNames::default()).unwrap()
}

#[tokio::test]
async fn no_address_of_anybody_is_served() {
    let samples = samples();
    let mut secrets = BTreeSet::new();
    for sample in &samples {
        let json: Value = serde_json::from_str(&event::json::to_json(sample)).unwrap();
        let mut found = Vec::new();
        texts(&json, &mut found);
        secrets.extend(found.into_iter().flat_map(hosts).map(str::to_owned));
    }
    assert!(secrets.len() >= 10, "{secrets:?}");
    let samples: Vec<_> = samples.iter().map(|sample| Arc::new(marked(sample))).collect();
    secrets.extend([RELEASE.to_owned(), VERSION.to_string(), "2026-01-27T".to_owned(), START.to_string()]);

    let public = Public { key: Some([7; 32]), own: vec!["observer.example".to_owned()] };
    let running = Running::start(Options { public: Some(public), ..Options::default() });
    let mut client = running.client("").await;
    for _ in 0..3 {
        running.publish(samples.clone()).await;
    }
    let count = 3 * samples.len() as u64;
    let nodes = running.wait_for("nodes", |nodes| nodes[0]["sources"].is_array()).await;
    assert!(nodes[0].get("local_addresses").is_none());

    let mut served = Vec::new();
    let document: Value = serde_json::from_str(&web::api::document()).unwrap();
    for path in document["paths"].as_object().unwrap().keys() {
        let path = path.replace("{node}", "alice").replace("{id}", "12").replace("{network}", "mainnet");
        let path = path.replace("{hash}", "4179c0b0bece530947bed6c37f4649f27a9d1a3b4896d0c0861e20c027dad192");
        served.push(reqwest::get(format!("{}api{path}", running.url)).await.unwrap().text().await.unwrap());
    }
    for path in ["alerts.atom", "status"] {
        served.push(reqwest::get(format!("{}{path}", running.url)).await.unwrap().text().await.unwrap());
    }
    // What cannot be made public is left out.
    let mut events = 0;
    while let Ok(Some(text)) = tokio::time::timeout(PATIENCE / 20, client.text()).await {
        served.push(text);
        events += 1;
    }
    assert!(events > count / 2, "{events} of {count}");
    for text in &served {
        for secret in &secrets {
            assert!(!text.to_lowercase().contains(&secret.to_lowercase()), "{secret} in {text}");
        }
    }
    running.end().await;
}
