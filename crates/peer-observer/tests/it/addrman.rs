//! The tables of a real node's address manager, as they are served and shown.

use serde_json::{Value, json};
use testbed::{Node, eventually};

use crate::process::{PATIENCE, Running};
use crate::web::url_of;

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_those_of_the_node() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let node = Node::builder().name("alice").start().await.unwrap();
    let onion = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion";
    let i2p = "ukeu3k5oycgaauneqgtnvselmt4yemvoilkln7jpvamvfx7dnkdq.b32.i2p";
    let named = [json!([onion, 8_333]), json!([i2p, 0]), json!(["2a00:8a60::1", 8_333]), json!(["fc32::1", 8_333])];
    let many = (1..=250)
        .flat_map(|a| (1..=4).map(move |b| json!([format!("{}.{a}.8.{b}", 11 + a % 90), 8_333 + b, a % 5 == 0])));
    for parameters in named.into_iter().chain(many) {
        // One that meets another in its slot is refused.
        node.rpc("addpeeraddress", parameters).await.unwrap();
    }
    let given = node.rpc("getrawaddrman", json!([])).await.unwrap();
    let count = |table: &str| given[table].as_object().unwrap().len();
    assert!(count("new") > 500 && count("tried") > 100, "{} {}", count("new"), count("tried"));

    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("peer-observer.toml");
    let datadir = node.datadir().display();
    let text = format!(
        "[rpc.interval]\ngetrawaddrman = \"500ms\"\n[[node]]\nname = \"alice\"\nchain = \"regtest\"\ndatadir = \"{datadir}\"\n"
    );
    std::fs::write(&config, text).unwrap();
    let config = config.to_str().unwrap();
    let program = Running::start(&[
        "run",
        "--config",
        config,
        "--extract",
        "rpc",
        "--tools",
        "web",
        "--web-listen",
        "127.0.0.1:0",
    ]);
    let url = url_of(&program).await;
    let ask = |path: &'static str| {
        let question = format!("{url}{path}");
        async move { reqwest::get(question).await.ok()?.error_for_status().ok()?.json::<Value>().await.ok() }
    };
    let served = eventually("tables", PATIENCE, || ask("addrman/alice")).await.unwrap();
    for table in ["new", "tried"] {
        let (served, given) = (served[table].as_object().unwrap(), given[table].as_object().unwrap());
        for (slot, entry) in given {
            assert_eq!(served.get(slot), Some(entry), "{table} {slot}");
        }
        assert_eq!(served.len(), given.len());
    }
    let onion = |api: &Value| {
        let networks = api["nodes"][0]["networks"].as_array()?;
        networks.iter().find(|network| network["network"] == "onion").map(|network| network["reachable"].clone())
    };
    let known = || async { ask("api/addrman").await.filter(|api| onion(api).is_some_and(|known| !known.is_null())) };
    let api = eventually("what the node can reach", PATIENCE, known).await.unwrap();
    assert_eq!(onion(&api), Some(json!(false)));
    let entries = &api["nodes"][0]["entries"];
    assert_eq!((&entries["new"], &entries["tried"]), (&json!(count("new")), &json!(count("tried"))));
    let by_time = |table: &str| {
        let now = event::time::now_ns() / 1_000_000_000;
        let all = given[table].as_object().unwrap().values();
        all.filter(|entry| entry["time"].as_u64().unwrap() + 30 * 86_400 < now).count()
    };
    assert_eq!(
        (&entries["terrible_new"], &entries["terrible_tried"]),
        (&json!(by_time("new")), &json!(by_time("tried")))
    );
    program.signal("-TERM");
    let (status, logged) = program.end().await;
    assert!(status.success(), "{logged}");
}
