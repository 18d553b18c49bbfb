//! What each type of receiver gets, and what is wrong about sections.

use alerts::receivers::{COMMON, KINDS, Section, Settings};
use event::pb::alerts::State;
use serde_json::{Value, json};

use super::listener::{Listener, OK};
use super::{alert, note, settings, start};

/// The request of a receiver about a hostile alert.
async fn sent(section: impl Fn(&str) -> Value) -> super::listener::Request {
    let mut listener = Listener::start(|_| OK).await;
    let (receivers, _) = start(&[settings("r", section(&listener.url))], None);
    note(&receivers, None, alert("a1", "a1", State::Open)).await;
    // What waits for others of its incident is sent at the end.
    receivers.end().await;
    listener.next().await
}

#[tokio::test]
async fn each_form_has_what_peers_wrote_as_text() {
    let discord = sent(|url| json!({ "type": "discord", "url": url })).await.json();
    assert_eq!(discord["allowed_mentions"], json!({ "parse": [] }));
    let text = discord["embeds"][0]["description"].as_str().unwrap();
    assert!(text.contains(r"\@everyone \<\!channel\>") && text.contains(r"\[l\]\(https\:"), "{text}");
    assert_eq!(discord["embeds"][0]["title"], r"WARNING subnet\_flood at alice");

    let slack = sent(|url| json!({ "type": "slack", "url": url })).await.json();
    let block = &slack["blocks"][0]["text"];
    assert_eq!((&block["type"], &block["emoji"]), (&json!("plain_text"), &json!(false)));
    assert!(block["text"].as_str().unwrap().contains("&lt;!channel&gt; &lt;b&gt;&amp;x"), "{block}");

    let matrix = sent(|url| json!({ "type": "matrix", "url": url, "room": "!r:x", "token": "t0ken" })).await;
    let path = "PUT /hook/_matrix/client/v3/rooms/%21r%3Ax/send/m.room.message/";
    assert!(matrix.line.starts_with(path), "{}", matrix.line);
    assert_eq!(matrix.header("authorization"), "Bearer t0ken");
    let matrix = matrix.json();
    assert_eq!(matrix["m.mentions"], json!({}));
    let html = matrix["formatted_body"].as_str().unwrap();
    assert!(html.contains("<code>user agent &quot;@everyone &lt;!channel&gt;") && !html.contains("<b>"), "{html}");

    let ntfy = sent(|url| json!({ "type": "ntfy", "url": url, "topic": "secret" })).await.json();
    assert_eq!((&ntfy["topic"], &ntfy["priority"], &ntfy["tags"]), (&json!("secret"), &json!(4), &json!(["warning"])));
    assert_eq!(ntfy["title"], "WARNING subnet_flood at alice");

    let telegram = sent(|url| json!({ "type": "telegram", "url": url, "chat": "-100", "token": "1:a" })).await;
    assert!(telegram.line.starts_with("POST /hook/bot1:a/sendMessage "), "{}", telegram.line);
    let telegram = telegram.json();
    assert_eq!((&telegram["chat_id"], &telegram["parse_mode"]), (&json!("-100"), &json!("HTML")));
    assert!(telegram["text"].as_str().unwrap().starts_with("<b>WARNING subnet_flood at alice</b>\n<code>user agent"));

    let webhook = sent(|url| json!({ "type": "webhook", "url": url, "key": "k", "token": "t" })).await;
    assert_eq!(webhook.header("idempotency-key"), "a1-open-0");
    assert!(webhook.header("x-signature").starts_with("sha256="));
    assert_eq!((&webhook.json()["id"], &webhook.json()["state"]), (&json!("a1"), &json!("OPEN")));

    let shown = [&slack["blocks"][0]["text"]["text"], &matrix["formatted_body"], &matrix["body"], &ntfy["message"]];
    for text in shown.into_iter().chain([&telegram["text"]]).map(|text| text.as_str().unwrap()) {
        assert!(!text.contains(['\u{202e}', '\r', '\0']) && text.contains("@everyone"), "{text}");
    }
}

#[tokio::test]
async fn public_receivers_get_no_addresses() {
    let mut listener = Listener::start(|_| OK).await;
    let section = json!({ "type": "webhook", "url": listener.url, "public": true });
    let (receivers, _) = start(&[settings("r", section)], None);
    let mut alert = alert("a1", "a1", State::Open);
    (alert.subject.kind, alert.subject.text) = (event::pb::alerts::SubjectKind::Peer.into(), "8.8.4.4:8333".to_owned());
    note(&receivers, None, alert).await;
    let text = listener.next().await.text;
    assert!(text.contains("subnet_flood") && !text.contains("8.8.4.4") && !text.contains("\"a1\""), "{text}");
    receivers.end().await;
}

#[tokio::test]
async fn receivers_get_what_they_want() {
    let mut listener = Listener::start(|_| OK).await;
    let of = |more: Value| {
        let mut section = json!({ "type": "webhook", "url": listener.url });
        section.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        section
    };
    let unwanted = [
        json!({ "severities": ["info", "critical"] }),
        json!({ "detectors": ["node_gone", "addresses"] }),
        json!({ "nodes": ["bob"] }),
    ];
    let mut all: Vec<_> = (0..).zip(unwanted).map(|(n, more)| settings(&format!("r{n}"), of(more))).collect();
    let wanted =
        json!({ "severities": "warning", "detectors": ["connections"], "nodes": ["alice"], "resolved": false });
    all.push(settings("wanted", of(wanted)));
    let (receivers, _) = start(&all, None);
    note(&receivers, None, alert("a1", "a1", State::Open)).await;
    assert_eq!(listener.next().await.json()["state"], "OPEN");
    note(&receivers, None, alert("a1", "a1", State::Resolved)).await;
    receivers.end().await;
    listener.is_done();
}

#[test]
fn what_is_wrong_is_named_without_secrets() {
    let error = |section: Value| {
        let section: Section = serde_json::from_value(section).unwrap();
        let shown = format!("{section:?} {}", serde_json::to_string(&section).unwrap());
        assert!(!shown.contains("geheim"), "{shown}");
        match Settings::new("ops", &section) {
            Err(error) => error,
            Ok(settings) => alerts::receivers::Receivers::open(&[settings], None).err().unwrap_or_default(),
        }
    };
    for (section, expected) in [
        (json!({}), "alerts.receivers.ops: it has no type; write type = \"NAME\" with one of alertmanager, discord"),
        (json!({ "type": "discrod" }), "ops.type: there is no such type; did you mean \"discord\"?"),
        (json!({ "type": "discord" }), "ops: a receiver of type discord needs url or url_file"),
        (json!({ "type": "discord", "ulr": "https://geheim" }), "ops.ulr: a receiver of type discord has no such key"),
        (json!({ "type": "discord", "url": "geheim" }), "ops.url: write a URL that begins with https:// or http://"),
        (json!({ "type": "discord", "url_file": "/none" }), "ops.url_file: cannot read the file /none: No such file"),
        (json!({ "type": "slack", "url": "https://a:geheim@x" }), "have keys of their own, and no place in the URL"),
        (json!({ "type": "slack", "url": 7 }), "ops.url: write a text in quotes"),
        (json!({ "type": "slack", "url": "https://x", "url_file": "y" }), "ops: url and url_file are the same"),
        (json!({ "type": "slack", "url": "http://x", "severities": "bad" }), "ops.severities: write a list of"),
        (json!({ "type": "slack", "url": "http://x", "detectors": ["x"] }), "there is no detector or family \"x\""),
        (json!({ "type": "slack", "url": "http://x", "public": 1 }), "ops.public: write true or false"),
        (
            json!({ "type": "matrix", "url": "http://x", "room": "#r:x", "token": "geheim" }),
            "begins with !, and not one",
        ),
        (
            json!({ "type": "email", "server": "mail.example.org", "security": "none", "username": "u", "password": "geheim",
                "from": "a@b.example", "to": "c@d.example" }),
            "a password would be sent to another machine without encryption",
        ),
    ] {
        let error = error(section);
        assert!(error.contains(expected) && !error.contains("geheim"), "{error}\nin place of\n{expected}");
    }
}

/// The manual has each type of receiver and each of its keys, and its examples can be used.
#[test]
fn the_manual_is_complete() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/alerts.md");
    let manual = std::fs::read_to_string(path).unwrap();
    for kind in KINDS {
        assert!(manual.contains(&format!("type = \"{}\"", kind.name)), "{}", kind.name);
        for key in kind.keys.iter().chain(&COMMON) {
            assert!(manual.contains(&format!("`{}`", key.name)), "{} of {}", key.name, kind.name);
        }
    }
}
