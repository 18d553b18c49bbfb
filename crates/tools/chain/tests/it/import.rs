//! fork-observer's configuration as ours.

use std::os::unix::fs::PermissionsExt;

use chain::import_config;
use toml::Value;

/// All keys that fork-observer has.
const CONFIG: &str = r#"
address = "127.0.0.1:2323"
database_path = "db"
www_path = "./www"
query_interval = 15
rss_base_url = "https://forks.example"
footer_html = """<a href="https://example.org">us</a>"""

[activity]
database_path = "activity.sqlite"
archive_directory = "/srv/archive"
retention_days = 30

[[networks]]
id = 1
name = "Bitcoin Mainnet"
description = "the \"real\" one"
slug = "mainnet"
min_fork_height = 850000
max_interesting_heights = 25
activity_retention_days = 7
pool_identification = { enable = true, network = "Mainnet" }
countdown = { height = 1050000, label = "halving" }

[[networks.nodes]]
id = 0
name = "alice"
description = "in the cellar"
rpc_host = "10.0.0.5"
rpc_port = 8332
rpc_user = "observer"
rpc_password = "hunter2 \" \\"
use_rest = false
use_waitfornewblock = false
implementation = "core"
activity_log = true

[[networks.nodes]]
id = 1
name = "alice"
rpc_host = "fd00::1"
rpc_cookie_file = "/srv/bob/.cookie"

[[networks.nodes]]
id = 2
name = "btcd"
rpc_host = "btcd.example"
rpc_port = 8334
rpc_user = "u"
rpc_password = 1234567
implementation = "btcd"

[[networks.nodes]]
id = 3
name = "esplora"
rpc_host = "https://key:secret-key@blockstream.example/api/"
implementation = "esplora"

[[networks.nodes]]
id = 4
name = "electrs"
rpc_host = "ssl://electrum.example"
rpc_port = 50002
implementation = "electrum"

[[networks.nodes]]
id = 5
name = "mempool"
rpc_host = "mempool.example"
rpc_port = 8999
implementation = "mempoolspace"

[[networks.nodes]]
id = 6
name = "dn"
rpc_host = "https://block-dn.example"
implementation = "block-dn"

[[networks.forkobservers]]
name = "others"
description = "elsewhere"
url = "https://other.example"
network_id = 3
node_id_offset = 1000

[[networks]]
id = 2
name = "Bitcoin-Mainnet"
nodes = []
"#;

#[test]
fn all_keys_are_carried_over_or_named() {
    let imported = import_config(CONFIG).unwrap();
    let shown = imported.shown();
    let config: Value = toml::from_str(shown).unwrap_or_else(|error| panic!("{error}: {shown}"));
    let chain = &config["chain"];
    for (key, value) in [
        ("listen", "127.0.0.1:2323"),
        ("rss_base_url", "https://forks.example"),
        ("footer", "<a href=\"https://example.org\">us</a>"),
        ("archive", "/srv/archive"),
    ] {
        assert_eq!(chain[key].as_str(), Some(value), "{key}");
    }
    let [main, other] = &chain["networks"].as_array().unwrap()[..] else { panic!("{shown}") };
    let text = |table: &Value, key: &str| table.get(key).map(|value| value.as_str().unwrap_or_default().to_owned());
    assert_eq!((main["id"].as_integer(), text(main, "name")), (Some(1), Some("Bitcoin-Mainnet".to_owned())));
    assert_eq!(text(other, "name").as_deref(), Some("Bitcoin-Mainnet-2"));
    assert_eq!(text(main, "slug").as_deref(), Some("mainnet"));
    assert_eq!(text(main, "description").as_deref(), Some("the \"real\" one"));
    assert_eq!(text(main, "retention").as_deref(), Some("7days"));
    assert_eq!(text(other, "retention").as_deref(), Some("30days"));
    assert_eq!(main["min_fork_height"].as_integer(), Some(850_000));
    assert_eq!(main["max_interesting_heights"].as_integer(), Some(25));
    assert_eq!(main["countdown"]["height"].as_integer(), Some(1_050_000));
    let nodes = main["nodes"].as_array().unwrap();
    let all = |key: &str| nodes.iter().map(|node| text(node, key).unwrap_or_default()).collect::<Vec<_>>();
    assert_eq!(
        all("kind"),
        ["core", "core", "btcd", "esplora", "electrum", "mempool.space", "block-dn", "fork-observer"]
    );
    assert_eq!(all("name"), ["alice", "alice-2", "btcd", "esplora", "electrs", "mempool", "dn", "others"]);
    assert_eq!(all("rpc")[..2], ["10.0.0.5:8332", "[fd00::1]:8332"]);
    let urls = [
        "http://btcd.example:8334",
        "https://blockstream.example/api",
        "https://mempool.example:8999",
        "https://block-dn.example",
        "https://other.example",
    ];
    assert_eq!(all("url").into_iter().filter(|url| !url.is_empty()).collect::<Vec<_>>(), urls);
    let (alice, bob, electrs, others) = (&nodes[0], &nodes[1], &nodes[4], &nodes[7]);
    assert_eq!((alice["rest"].as_bool(), alice["long_poll"].as_bool()), (Some(false), Some(false)));
    assert_eq!((bob["rest"].as_bool(), bob["long_poll"].as_bool()), (Some(true), Some(true)));
    assert_eq!((others["activity"].as_bool(), bob["activity"].as_bool()), (Some(false), Some(false)));
    assert_eq!((alice["activity"].as_bool(), text(alice, "interval").as_deref()), (Some(true), Some("15s")));
    assert_eq!(text(bob, "rpc_cookie_file").as_deref(), Some("/srv/bob/.cookie"));
    assert_eq!(
        (text(electrs, "server").as_deref(), electrs["tls"].as_bool()),
        (Some("electrum.example:50002"), Some(true))
    );
    assert_eq!((others["id"].as_integer(), others["network"].as_integer()), (Some(1000), Some(3)));
    // What is left out or changed is named once, in one line, with what to do.
    let notes = imported.notes();
    for part in [
        "database_path: headers",
        "www_path: ",
        "activity.database_path: ",
        "the name \"Bitcoin Mainnet\" is Bitcoin-Mainnet now",
        "the name \"alice\" is alice-2 now",
        "pool_identification: ",
        "pool_identification.network: ",
        "network 2: it has no nodes",
        "node 2: url: ",
        "node 3: the login in the URL",
        "node 4: the certificate",
        "versions of nodes are not shown",
    ] {
        assert_eq!(notes.iter().filter(|note| note.contains(part)).count(), 1, "{part}: {notes:#?}");
    }
    assert!(notes.iter().all(|note| !note.contains('\n') && shown.contains(note.as_str())));
}

#[test]
fn only_the_owner_reads_passwords() {
    let imported = import_config(CONFIG).unwrap();
    assert!(imported.has_secrets());
    for text in [imported.shown().to_owned(), format!("{imported:?}"), imported.notes().join("\n")] {
        for secret in ["hunter2", "1234567", "secret-key"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("peer-observer.toml");
    imported.write(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let written: Value = toml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let nodes = &written["chain"]["networks"][0]["nodes"];
    assert_eq!(nodes[0]["rpc_password"].as_str(), Some("hunter2 \" \\"));
    assert_eq!(nodes[2]["password"].as_str(), Some("1234567"));
    // What is there is not overwritten.
    assert!(imported.write(&path).is_err());
}

#[test]
fn what_is_wrong_is_named_by_its_line() {
    let line = |text: &str| import_config(text).unwrap_err().to_string();
    assert!(line("address = \"a\"\nquery_interval = \"x\"").starts_with("line 2: "));
    assert!(line("[[networks]]\nid = 1").contains("name"));
    assert!(line("\n\n= 1").starts_with("line 3: "));
    assert!(line(&"#".repeat(2_000_000)).contains("KiB"));
    let error =
        line("[[networks]]\nid = 1\nname = \"a\"\n[[networks.nodes]]\nid = 1\nrpc_password = \"hunter2\nname = \"b\"");
    assert!(!error.contains("hunter2"), "{error}");
    let unknown = import_config("shape = 1\nnew\u{202e} = 2\n[activity]\nother = 2").unwrap_err().to_string();
    assert!(unknown.starts_with("line 2: ") && !unknown.contains('\u{202e}'), "{unknown}");
    let notes = import_config("shape = 1\n[activity]\nother = 2\n").unwrap().notes().join("\n");
    assert!(notes.contains("shape is not known") && notes.contains("activity.other is not known"), "{notes}");
    let odd = r#"
        [[networks]]
        id = 1
        name = "a"
        [[networks.nodes]]
        id = 1
        name = "<b>"
        implementation = "x\u202ey"
        [[networks.nodes]]
        id = 2
        name = "c"
        rpc_password = true"#;
    let notes = import_config(odd).unwrap().notes().join("\n");
    assert!(notes.contains("rpc_password is no text") && notes.contains("x\\u{202e}y"), "{notes}");
}
