//! Untrusted input in a real browser: all pages, with all kinds of events, in which every text is hostile.

use event::json::from_json;
use event::record::NodeNames;
use serde_json::Value;
use testbed::Browser;
use web::Options;

use crate::running::{PATIENCE, Running, event, samples};

const PAGES: [&str; 15] = [
    "overview",
    "alerts",
    "circle",
    "peers",
    "messages",
    "addresses",
    "addrman",
    "transactions",
    "blocks",
    "chain",
    "mempool",
    "log",
    "pings",
    "health",
    "peer?node=alice&id=12",
];

/// Texts that would run a script or break the layout in a page without escaping.
const HOSTILE: [&str; 5] = [
    "<script>window.hacked=1</script>",
    "\"'><img src=x onerror=window.hacked=2><svg onload=window.hacked=3>",
    "javascript:window.hacked=4//${window.hacked=5}`{{window.hacked=6}}",
    "\u{202e}\u{7}\u{1b}[31m\u{0}\u{2028}&lt;b&gt;",
    LONG,
];

const LONG: &str = match std::str::from_utf8(&[b'x'; 10_000]) {
    Ok(long) => long,
    Err(_) => "",
};

/// Fields with untrusted text, which peers choose or a node might pass on.
const FREE: [&str; 24] = [
    "user_agent",
    "description",
    "implementation",
    "miner",
    "problem",
    "subversion",
    "message",
    "reason",
    "raw_message",
    "text",
    "reject_details",
    "warnings",
    "debug_message",
    "state",
    "command",
    "addr",
    "address",
    "category_name",
    "feature_id",
    "our_address",
    "node_address",
    "source_addr",
    "torv3",
    "ipv4",
];

/// Collects the JSON pointers of all untrusted texts.
fn free_texts(value: &Value, at: &str, free: bool, into: &mut Vec<String>) {
    match value {
        Value::String(_) if free => into.push(at.to_owned()),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| free_texts(item, &format!("{at}/{index}"), free, into));
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                free_texts(value, &format!("{at}/{name}"), FREE.contains(&name.as_str()), into);
            }
        }
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_text_is_shown_and_does_nothing() {
    if testbed::require_chromium().is_none() {
        return;
    }
    let running = Running::start(Options::default());
    let now = event::time::rfc3339(event::time::now_ns());
    let (mut poisoned, mut hostile) = (Vec::new(), HOSTILE.iter().cycle());
    let mut texts = 0;
    for sample in samples() {
        let mut json: Value = serde_json::from_str(&event::json::to_json(&sample)).unwrap();
        json["time"] = now.clone().into();
        let mut places = Vec::new();
        free_texts(&json["body"], "/body", false, &mut places);
        for place in places {
            let before = json.pointer(&place).unwrap().clone();
            *json.pointer_mut(&place).unwrap() =
                format!("{}{}", hostile.next().unwrap(), before.as_str().unwrap()).into();
            // Some fields accept only certain names.
            match from_json(&json.to_string(), &mut NodeNames::default()) {
                Ok(_) => texts += 1,
                Err(_) => *json.pointer_mut(&place).unwrap() = before,
            }
        }
        poisoned.push(event(&json));
    }
    assert!(texts > 50, "{texts} texts");
    let browser = Browser::start().await.unwrap();
    let page = browser.page(1_400, 900).await.unwrap();
    for (round, route) in PAGES.iter().enumerate() {
        running.publish(poisoned.clone()).await;
        page.go(&format!("{}#/{route}", running.url)).await.unwrap();
        let ready = "document.querySelector('main h1') !== null && document.querySelector('.status-text')?.textContent === 'live'";
        page.until(ready, PATIENCE).await.unwrap();
        // Live events while the page is open.
        running.publish(poisoned.clone()).await;
        running.wait_for("info", |_| true).await;
        let drawn = "new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(true), 300)))";
        page.value(drawn).await.unwrap();
        assert_eq!(page.value("window.hacked ?? null").await.unwrap(), Value::Null, "{route}");
        let injected =
            "document.querySelectorAll('main script, main img, main [onerror], main [onload], main iframe').length";
        assert_eq!(page.value(injected).await.unwrap(), 0, "{route}");
        let wrong = page.wrong();
        assert!(wrong.is_empty(), "{route} ({round}): {wrong:#?}");
        let over = page.value("document.documentElement.scrollWidth - window.innerWidth").await.unwrap();
        assert!(over.as_i64() <= Some(0), "{route} is {over} pixels too wide");
    }
    running.end().await;
}
