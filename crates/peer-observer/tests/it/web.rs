//! Pages, in a real browser, of real nodes.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use testbed::{Browser, Node, Page, Peer, PeerOptions};

use crate::process::{PATIENCE, Running};

/// How soon a page shows what there is.
const SOON: Duration = Duration::from_secs(3);

/// Pages, and how it is seen that they show something of the nodes.
pub const PAGES: [(&str, &str); 14] = [
    ("overview", "text().includes('alice') && text().includes('height')"),
    ("alerts", "/detectors watch .*alice|No alert has come|Severity/.test(text())"),
    ("circle", "Number(document.querySelector('canvas[data-mode]')?.dataset.peers) > 0"),
    ("peers", "text().includes('127.0.0.1:') && document.querySelectorAll('main tbody tr').length > 3"),
    ("messages", "text().includes('inv') && text().includes('ping')"),
    ("addresses", "/[1-9]/.test(text()) && text().includes('alice')"),
    ("addrman", "/alice: [\\d,]+ new, [\\d,]+ tried/.test(text())"),
    ("transactions", "/[1-9]/.test(text()) && document.querySelectorAll('main tbody tr').length > 0"),
    ("blocks", "text().includes('alice') && document.querySelectorAll('main svg, main [role=img]').length > 0"),
    ("chain", "document.querySelectorAll('.tree .block').length > 0 || text().includes('[chain]')"),
    ("mempool", "text().includes('alice') && /[1-9]/.test(text())"),
    ("log", "document.querySelectorAll('.lines li').length > 10"),
    ("pings", "text().includes('127.0.0.1:')"),
    ("health", "text().includes('rpc') && text().includes('log')"),
];

/// What sticks out on the right, unless it is in something that scrolls.
pub const TOO_WIDE: &str = "(() => {
    if (document.documentElement.scrollWidth <= window.innerWidth) return '';
    const inPage = (el) => el === document.body || (getComputedStyle(el).overflowX === 'visible' && inPage(el.parentElement));
    const wide = [...document.querySelectorAll('body *')].filter((el) => el.getBoundingClientRect().right > window.innerWidth + 1);
    const out = wide.filter((el) => inPage(el.parentElement));
    return [`by ${document.documentElement.scrollWidth - window.innerWidth} pixels`,
        ...(out.length ? out : wide).map((el) => `${el.tagName}.${el.getAttribute('class')}: ${el.textContent}`.slice(0, 120))].slice(0, 20).join('; ');
})()";

/// Where a running program serves its pages.
pub async fn url_of(running: &Running) -> String {
    running.wait_until_logged("pages on http://").await;
    let said = running.logged();
    let (_, rest) = said.split_once("pages on ").unwrap();
    rest.split_whitespace().next().unwrap().to_owned()
}

fn live(route: &str, shows: &str) -> String {
    let view = route.split('?').next().unwrap_or_default();
    format!(
        "(() => {{ const text = () => document.querySelector('main').innerText; \
         return document.querySelector('.status-text')?.textContent === 'live' \
         && document.querySelector('main .view-{view}') !== null && ({shows}); }})()"
    )
}

/// Where a picture of the page goes, if pictures are wanted: a page is to be looked at, too.
pub fn picture(name: &str) -> Option<PathBuf> {
    std::env::var_os("SCREENSHOTS").map(|folder| Path::new(&folder).join(format!("{name}.png")))
}

/// The script for [`barriers`], if it is there.
pub fn axe() -> Option<String> {
    match testbed::axe() {
        Ok(path) => Some(format!("{}\n;true", fs::read_to_string(path).unwrap())),
        Err(error) => {
            testbed::skipped(&format!("accessibility: {error}"));
            None
        }
    }
}

/// What axe-core finds. In the page of a program it would be stopped by the policy; through the browser's own protocol it is not.
pub async fn barriers(page: &Page, axe: &str) -> Vec<String> {
    page.value(axe).await.unwrap();
    let run = "axe.run(document, {resultTypes: ['violations']}).then((found) => found.violations.map((violation) => \
               `${violation.id}: ${violation.help}: ${violation.nodes.slice(0, 3).map((node) => node.html).join(' ')}`))";
    let found = page.value(run).await.unwrap();
    found.as_array().unwrap().iter().map(|barrier| barrier.as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_shows_real_nodes_soon_without_errors_or_barriers() {
    let (Some(_), Some(_)) = (testbed::require_bitcoind(), testbed::require_chromium()) else { return };
    let arguments = ["-o", "json", "--web-listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"];
    let demo = Running::start(&[&["demo", "--nodes", "2"][..], &arguments].concat());
    let url = url_of(&demo).await;
    let axe = axe();
    let api = format!("{url}api/");
    let ask = |path: &'static str| {
        let question = format!("{api}{path}");
        async move { reqwest::get(question).await.ok()?.json::<Value>().await.ok() }
    };
    // The nodes have just begun: what is not there yet cannot be shown.
    let ready = || async {
        let (nodes, transactions) = (ask("nodes").await?, ask("transactions").await?);
        let known = nodes
            .as_array()?
            .iter()
            .all(|node| node["height"].as_u64() > Some(100) && node["connections"]["total"].as_u64() > Some(1));
        let pinged = ask("peers").await?.as_array()?.iter().any(|peer| !peer["ping_seconds"].is_null());
        let messages = ask("messages").await?;
        let seen = |name: &str| {
            messages["types"].as_array().is_some_and(|types| types.iter().any(|row| row["message"] == name))
        };
        (known && pinged && seen("inv") && seen("ping") && transactions["totals"]["delivered"].as_u64() > Some(0))
            .then_some(())
    };
    testbed::eventually("nodes that are known", PATIENCE, ready).await.unwrap();

    let browser = Browser::start().await.unwrap();
    let (wide, narrow) = (browser.page(1_400, 900).await.unwrap(), browser.page(390, 844).await.unwrap());
    narrow.prefer("dark").await.unwrap();
    let peers = ask("peers").await.unwrap();
    // The other node: scripted peers come and go.
    let stays = |peer: &&Value| {
        peer["node"] == "alice"
            && peer["direction"] == "outbound"
            && peer["addr"].as_str().unwrap().starts_with("127.0.0.1:")
    };
    let peer = format!("peer?node=alice&id={}", peers.as_array().unwrap().iter().find(stays).unwrap()["id"]);
    let all = PAGES.iter().copied().chain([(peer.as_str(), "text().includes('127.0.0.1:')")]);
    for (route, shows) in all {
        for (page, size) in [(&wide, "wide"), (&narrow, "narrow")] {
            let asked = Instant::now();
            page.go(&format!("{url}#/{route}")).await.unwrap();
            let shown = page.until(&live(route, shows), SOON).await;
            let name = format!("{}-{size}", route.split('?').next().unwrap());
            if let Some(path) = picture(&name) {
                page.screenshot(&path).await.unwrap();
            }
            if shown.is_err() {
                let text = page.value("document.querySelector('.status-text')?.textContent + document.querySelector('main').innerText").await.unwrap();
                panic!("{name} after {:?}: {text} {:?}", asked.elapsed(), page.wrong());
            }
            let over = page.value(TOO_WIDE).await.unwrap();
            assert_eq!(over, "", "{name} is too wide for the screen");
            if let Some(axe) = &axe {
                let barriers = barriers(page, axe).await;
                assert!(barriers.is_empty(), "{name}: {barriers:#?}");
            }
            let wrong = page.wrong();
            assert!(wrong.is_empty(), "{name}: {wrong:#?}");
        }
    }
}

/// Text that would do something in a page that is made carelessly. The node takes out what it finds dangerous; the tests of `web` have it all.
const HOSTILE: [&str; 4] = [
    "/<script>window.hacked=1</script>/",
    "/\"><img src=x onerror=window.hacked=2>/",
    "/javascript:window.hacked=3//${window.hacked=4}/`'/",
    "/\u{202e}\u{7}\u{1b}[31m\u{0}&lt;b&gt;/",
];

#[tokio::test(flavor = "multi_thread")]
async fn untrusted_text_does_nothing_and_a_page_outlives_the_server() {
    let (Some(_), Some(_)) = (testbed::require_bitcoind(), testbed::require_chromium()) else { return };
    let node = Node::builder().name("alice").debug(["net"]).start().await.unwrap();
    let mut peers = Vec::new();
    for user_agent in HOSTILE {
        let options = PeerOptions { user_agent: user_agent.to_owned(), ..PeerOptions::default() };
        peers.push(Peer::connect(node.p2p_addr(), options).await.unwrap());
    }
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("peer-observer.toml");
    let datadir = node.datadir().display();
    let text = format!(
        "[rpc.interval]\ngetpeerinfo = \"500ms\"\n[[node]]\nname = \"alice\"\nchain = \"regtest\"\ndatadir = \"{datadir}\"\n"
    );
    fs::write(&config, text).unwrap();
    let config = config.to_str().unwrap();
    let start = |listen: &str| Running::start(&["run", "--config", config, "--tools", "web", "--web-listen", listen]);
    let program = start("127.0.0.1:0");
    let url = url_of(&program).await;
    let browser = Browser::start().await.unwrap();
    let page = browser.page(1_400, 900).await.unwrap();
    for (route, shows) in [
        ("peers", "/script.?window.hacked.?1/.test(text()) && /onerror.?window.hacked.?2/.test(text())"),
        ("circle", "Number(document.querySelector('canvas[data-mode]')?.dataset.peers) > 3"),
        ("log", "document.querySelector('.lines').innerText.includes('window.hacked')"),
        ("overview", "text().includes('alice')"),
        ("peer?node=alice&id=0", "/script.?window.hacked.?1/.test(text())"),
    ] {
        page.go(&format!("{url}#/{route}")).await.unwrap();
        // They come and go while a page is open.
        let options = PeerOptions { user_agent: HOSTILE[0].to_owned(), ..PeerOptions::default() };
        peers.push(Peer::connect(node.p2p_addr(), options).await.unwrap());
        if let Err(error) = page.until(&live(route, shows), PATIENCE).await {
            panic!("{error}: {}", page.value("document.querySelector('main').innerText").await.unwrap());
        }
        assert_eq!(page.value("window.hacked ?? null").await.unwrap(), Value::Null, "{route}");
        let wrong = page.wrong();
        assert!(wrong.is_empty(), "{route}: {wrong:#?}");
    }

    // The server goes away, the page says so; it comes back, and so does the page.
    program.signal("-TERM");
    program.end().await;
    let away = "document.querySelector('.status')?.classList.contains('away')";
    page.until(away, PATIENCE).await.unwrap();
    assert_eq!(
        page.value("document.querySelector('main').innerText.includes('alice')").await.unwrap(),
        true,
        "what was known is still shown"
    );
    // A page that was never loaded cannot be shown now, and says why; it comes with the server.
    page.go(&format!("{url}#/mempool")).await.unwrap();
    page.until("document.querySelector('h1')?.textContent === 'The server is away'", PATIENCE).await.unwrap();
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    let program = start(address);
    assert_eq!(url_of(&program).await, url);
    page.until(&live("mempool", "text().includes('alice')"), PATIENCE).await.unwrap();
}
