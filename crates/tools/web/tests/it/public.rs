//! The public mode: nothing that is served has an address of the samples, or anything else that would reveal where the node is.

use std::collections::BTreeSet;
use std::net::IpAddr;

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
        let path = path.replace("{node}", "alice").replace("{id}", "12");
        served.push(reqwest::get(format!("{}api{path}", running.url)).await.unwrap().text().await.unwrap());
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
