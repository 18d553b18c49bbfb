//! A display on a wall, and the search in kept logs, in a real browser.

use testbed::{Browser, Node};

use super::process::{PATIENCE, Running};
use super::web::{axe, barriers, picture, url_of};

/// Whether a page of this name is shown, with what the server reports now.
fn shows(view: &str) -> String {
    format!(
        "document.querySelector('main .view-{view}') !== null \
         && document.querySelector('.status-text')?.textContent === 'live'"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wall_shows_its_pages_and_goes_on_when_the_server_is_back() {
    let (Some(_), Some(_)) = (testbed::require_bitcoind(), testbed::require_chromium()) else { return };
    let node = Node::builder().debug(["net"]).start().await.unwrap();
    let datadir = node.datadir().to_str().unwrap();
    let run = ["run", "--name", "alice", "--datadir", datadir, "--chain", "regtest", "--tools", "web"];
    let playlist = ["--web-playlist", "overview,peers?node=alice,log", "--web-playlist-every", "5s"];
    let start = |listen: &str| Running::start(&[&run[..], &playlist, &["--web-listen", listen]].concat());
    let first = start("127.0.0.1:0");
    let url = url_of(&first).await;
    let browser = Browser::start().await.unwrap();
    let page = browser.page(1_400, 900).await.unwrap();
    page.go(&format!("{url}?wall")).await.unwrap();
    let any = format!("({}) || ({}) || ({})", shows("overview"), shows("peers"), shows("log"));
    page.until(&any, PATIENCE).await.unwrap();
    let is_bare = "getComputedStyle(document.querySelector('.nav')).display === 'none' \
                   && getComputedStyle(document.querySelector('.picker')).display === 'none' \
                   && document.querySelector('.brand').getBoundingClientRect().width > 0";
    assert_eq!(page.value(is_bare).await.unwrap(), true);
    // By itself, and by the keys.
    let before = page.value("window.location.hash").await.unwrap();
    page.until(&format!("window.location.hash !== {before}"), PATIENCE).await.unwrap();
    let press = "window.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight'})); true";
    for _ in 0..3 {
        page.value(press).await.unwrap();
    }
    let stop = "window.dispatchEvent(new KeyboardEvent('keydown', {key: ' '})); true";
    page.value(stop).await.unwrap();
    for (view, hash) in [("peers", "#/peers?node=alice"), ("log", "#/log"), ("overview", "#/overview")] {
        for _ in 0..3 {
            if page.value(&format!("window.location.hash === '{hash}'")).await.unwrap() == true {
                break;
            }
            page.value(press).await.unwrap();
        }
        page.until(&shows(view), PATIENCE).await.unwrap();
        if let Some(path) = picture(&format!("wall-{view}")) {
            page.screenshot(&path).await.unwrap();
        }
    }
    page.value(stop).await.unwrap();
    page.until("getComputedStyle(document.body).cursor === 'none'", PATIENCE).await.unwrap();

    let address = url.strip_prefix("http://").unwrap().trim_end_matches('/').to_owned();
    first.signal("-KILL");
    page.until("document.querySelector('.status-text')?.textContent !== 'live'", PATIENCE).await.unwrap();
    if let Some(path) = picture("wall-away") {
        page.screenshot(&path).await.unwrap();
    }
    let second = start(&address);
    url_of(&second).await;
    page.until(&any, PATIENCE).await.unwrap();
    let before = page.value("window.location.hash").await.unwrap();
    page.until(&format!("window.location.hash !== {before}"), PATIENCE).await.unwrap();
    let wrong: Vec<String> = page.wrong().into_iter().filter(|text| !text.contains("ERR_")).collect();
    assert!(wrong.is_empty(), "{wrong:?}");

    let status = browser.page(1_000, 800).await.unwrap();
    status.go(&format!("{url}status")).await.unwrap();
    status.until("document.body.innerText.includes('alice')", PATIENCE).await.unwrap();
    if let Some(path) = picture("status") {
        status.screenshot(&path).await.unwrap();
    }
    if let Some(axe) = axe() {
        assert_eq!(barriers(&status, &axe).await, [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_log_finds_kept_lines() {
    let (Some(_), Some(_)) = (testbed::require_bitcoind(), testbed::require_chromium()) else { return };
    let node = Node::builder().debug(["net"]).start().await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (datadir, kept) = (node.datadir().to_str().unwrap(), dir.path().to_str().unwrap());
    let run = ["run", "--name", "alice", "--datadir", datadir, "--chain", "regtest", "--tools", "web"];
    let more = ["--web-listen", "127.0.0.1:0", "--logs-directory", kept, "--logs-sync-every", "100ms"];
    let program = Running::start(&[&run[..], &more].concat());
    let url = url_of(&program).await;
    node.mine(2).await.unwrap();
    let plain = std::fs::read_to_string(node.debug_log()).unwrap();
    let tips = plain.lines().filter(|line| line.contains("UpdateTip")).count();
    let found = || async {
        let text = reqwest::get(format!("{url}logs?text=UpdateTip")).await.ok()?.text().await.ok()?;
        (text.matches("UpdateTip").count() == tips).then_some(())
    };
    testbed::eventually("kept lines", PATIENCE, found).await.unwrap();
    let browser = Browser::start().await.unwrap();
    let page = browser.page(1_400, 1_200).await.unwrap();
    page.go(&format!("{url}#/log?kept_text=UpdateTip&kept_since=1h")).await.unwrap();
    page.until(&format!("document.querySelectorAll('.kept-lines li').length === {tips}"), PATIENCE).await.unwrap();
    page.value("document.querySelector('.log-kept').scrollIntoView(); true").await.unwrap();
    if let Some(path) = picture("log-kept") {
        page.screenshot(&path).await.unwrap();
    }
    let ask = "(() => { const fields = document.querySelectorAll('.log-kept input'); fields[2].value = 'x'; \
               document.querySelector('.log-kept form').requestSubmit(); return true; })()";
    page.value(ask).await.unwrap();
    page.until("document.querySelector('.log-kept').innerText.includes('peer cannot be')", PATIENCE).await.unwrap();
    if let Some(axe) = axe() {
        assert_eq!(barriers(&page, &axe).await, [""; 0]);
    }
}
