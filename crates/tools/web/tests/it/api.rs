//! The JSON API, against its own description.

use std::{env, fs, path::Path};

use bus::{Pace, Playback, Recording};
use event::time::now_ns;
use jsonschema::Validator;
use serde_json::{Value, json};
use web::Options;

use crate::running::{Running, samples};

fn document() -> Value {
    serde_json::from_str(&web::api::document()).unwrap()
}

/// The validator of the answers to a path, by the document.
fn validator(document: &Value, path: &str) -> Validator {
    let answer = &document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
    let mut schema = answer.clone();
    schema["components"] = document["components"].clone();
    jsonschema::draft202012::new(&schema).unwrap()
}

#[tokio::test]
async fn answers_match_the_document() {
    // Of a recording, there is one answer more.
    let recording = Recording { from_ns: now_ns(), until_ns: now_ns(), density: vec![Some(1), None] };
    let playback = Some(Playback::new(recording, Pace::Fast));
    let running = Running::start(Options { nodes: vec!["expected".to_owned()], playback, ..Options::default() });
    let document = document();
    let served: Value = reqwest::get(format!("{}api/openapi.json", running.url)).await.unwrap().json().await.unwrap();
    assert_eq!(served, document);
    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    assert_eq!(paths.len(), 24);
    // Without events, with every kind of event once, and with every kind many times.
    for round in 0..3 {
        if round > 0 {
            for _ in 0..if round == 1 { 1 } else { 50 } {
                running.publish(samples()).await;
            }
            running.wait_for("nodes", |nodes| nodes.as_array().unwrap().len() == 2).await;
        }
        for path in &paths {
            let path = path.trim_start_matches('/');
            if path.contains('{') && round == 0 {
                continue;
            }
            let queries: &[&str] = if path == "replay" { &[""] } else { &["", "?node=", "?node=expected"] };
            for query in queries {
                let request = path.replace("{node}", "alice").replace("{id}", "12");
                let request = request.replace("{incident}", "3b1f0c9a7e5d2468").replace("{network}", "mainnet");
                let block = "4179c0b0bece530947bed6c37f4649f27a9d1a3b4896d0c0861e20c027dad192";
                let request = request.replace("{hash}", block);
                if path.contains('{') && !query.is_empty() {
                    continue;
                }
                let answer = reqwest::get(format!("{}api/{request}{query}", running.url)).await.unwrap();
                let (status, text) = (answer.status(), answer.text().await.unwrap());
                assert_eq!(status, 200, "{request}{query}: {text}");
                let answer: Value = serde_json::from_str(&text).unwrap();
                let validator = validator(&document, &format!("/{path}"));
                let errors: Vec<String> =
                    validator.iter_errors(&answer).map(|error| format!("{}: {error}", error.instance_path())).collect();
                assert!(errors.is_empty(), "{request}{query}: {errors:#?}");
            }
        }
    }
    running.end().await;
}

#[tokio::test]
async fn invalid_requests_get_an_explanation() {
    let running = Running::start(Options { nodes: vec!["alice".to_owned()], ..Options::default() });
    for (request, status, expected) in [
        ("peers?node=nobody", 404, "there is no node \"nobody\"; there are: \"alice\""),
        ("peers/alice/7", 404, "alice has no peer"),
        ("peers/alice/x%22", 404, "alice has no peer"),
        ("peers?colour=red", 400, "there is no parameter \"colour\"; there are: node, closed"),
        ("messages?minutes=0", 400, "a whole number from 1 to 1440"),
        ("messages?minutes=9&minutes=9", 400, "twice"),
        ("peers?closed=yes", 400, "1 or 0"),
        ("nothing", 404, "there is nothing here"),
    ] {
        let answer = reqwest::get(format!("{}api/{request}", running.url)).await.unwrap();
        assert_eq!(answer.status(), status, "{request}");
        let answer: Value = answer.json().await.unwrap();
        let text = answer["error"].as_str().unwrap();
        assert!(text.contains(expected), "{request}: {text}");
    }
    let posted = reqwest::Client::new().post(format!("{}api/info", running.url)).send().await.unwrap();
    assert_eq!(posted.status(), 405);
    running.end().await;
}

#[test]
fn the_manual_is_current() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs");
    for (name, page) in [("api.md", web::api::manual()), ("openapi.json", web::api::document() + "\n")] {
        let path = docs.join(name);
        if env::var_os("UPDATE").is_some() {
            fs::write(&path, &page).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == page, "docs/{name} is not current: UPDATE=1 cargo test -p web manual");
    }
    // All structures and fields are described.
    let document = document();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(schema["description"].is_string(), "{name}");
        for (field, of) in schema["properties"].as_object().into_iter().flatten() {
            assert!(
                of["description"].is_string() || of["$ref"].is_string() || of["anyOf"].is_array(),
                "{name}.{field}"
            );
        }
    }
    assert_eq!(document["openapi"], json!("3.1.0"));
}
