//! What is compressed, for whom, and what caches may keep.

use std::io::Read;

use reqwest::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, ETAG, IF_NONE_MATCH, VARY};
use reqwest::{Client as Http, Response};
use serde_json::Value;
use web::Options;

use crate::running::{Running, samples};

async fn get(running: &Running, path: &str, accept_encoding: Option<&str>) -> Response {
    let mut request = Http::new().get(format!("{}{path}", running.url));
    if let Some(encoding) = accept_encoding {
        request = request.header(ACCEPT_ENCODING, encoding);
    }
    request.send().await.unwrap()
}

fn header(response: &Response, name: reqwest::header::HeaderName) -> Option<String> {
    response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
}

async fn unpacked(response: Response) -> String {
    let bytes = response.bytes().await.unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
    text
}

#[tokio::test]
async fn answers_are_compressed_for_those_who_accept_it() {
    let running = Running::start(Options::default());
    running.publish(samples()).await;
    running.wait_for("nodes", |nodes| !nodes.as_array().unwrap().is_empty()).await;
    for (path, cache) in [("api/openapi.json", "no-store"), ("api/info?x=1", "no-store"), ("lib/dom.js", "no-cache")] {
        for (accept, packed) in
            [(None, false), (Some("identity"), false), (Some("gzip;q=0"), false), (Some("br, gzip"), true)]
        {
            let response = get(&running, path, accept).await;
            assert_eq!(header(&response, CONTENT_ENCODING).is_some(), packed, "{path} {accept:?}");
            assert_eq!(header(&response, VARY).as_deref(), Some("accept-encoding"), "{path} {accept:?}");
            assert_eq!(header(&response, CACHE_CONTROL).as_deref(), Some(cache), "{path} {accept:?}");
            let text = if packed { unpacked(response).await } else { response.text().await.unwrap() };
            assert_eq!(text, get(&running, path, None).await.text().await.unwrap(), "{path}");
        }
    }
    // Events are not: they would wait until there is enough to compress.
    let events = get(&running, "events", Some("gzip")).await;
    assert_eq!(header(&events, CONTENT_ENCODING), None);
    drop(events);
    running.end().await;
}

#[tokio::test]
async fn an_unchanged_page_is_not_sent_again() {
    let running = Running::start(Options::default());
    let page = get(&running, "lib/dom.js", Some("gzip")).await;
    let tag = header(&page, ETAG).unwrap();
    let again = Http::new().get(format!("{}lib/dom.js", running.url)).header(ACCEPT_ENCODING, "gzip");
    let again = again.header(IF_NONE_MATCH, &tag).send().await.unwrap();
    assert_eq!((again.status().as_u16(), header(&again, ETAG)), (304, Some(tag)));
    assert!(again.bytes().await.unwrap().is_empty());
    running.end().await;
}

#[tokio::test]
async fn the_same_request_gets_the_same_answer_for_half_a_second() {
    let running = Running::start(Options::default());
    running.publish(samples()).await;
    running.wait_for("nodes", |nodes| !nodes.as_array().unwrap().is_empty()).await;
    let now = async |path: &str, accept| -> Value {
        let response = get(&running, path, accept).await;
        let packed = header(&response, CONTENT_ENCODING).is_some();
        let text = if packed { unpacked(response).await } else { response.text().await.unwrap() };
        serde_json::from_str::<Value>(&text).unwrap()["now"].clone()
    };
    // Most pairs of requests in a row fall into the same half second, however slow the machine is.
    let mut same = false;
    for _ in 0..50 {
        same |= now("api/info", None).await == now("api/info", None).await;
    }
    assert!(same);
    // HEAD has no body; GET after it has one.
    Http::new().head(format!("{}api/info?node=", running.url)).send().await.unwrap();
    assert!(now("api/info?node=", None).await.is_string());
    assert!(now("api/info?node=", Some("gzip")).await.is_string());
    running.end().await;
}
