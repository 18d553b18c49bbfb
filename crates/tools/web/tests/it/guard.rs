//! Which requests are answered.

use reqwest::{Client as Http, StatusCode, redirect};
use serve::{Access, Auth};
use tokio_tungstenite::tungstenite::Error;
use web::Options;

use crate::running::{Client, Running};

async fn status(running: &Running, path: &str, headers: &[(&'static str, &str)]) -> StatusCode {
    let http = Http::builder().redirect(redirect::Policy::none()).build().unwrap();
    let mut request = http.get(format!("http://{}{path}", running.address));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap().status()
}

#[tokio::test]
async fn pages_of_other_sites_get_nothing() {
    let access = Access { names: vec!["observer.example".to_owned()], ..Access::default() };
    let running = Running::start(Options { access, ..Options::default() });
    let ours = format!("http://{}", running.address);
    let table: [(&[(&str, &str)], StatusCode); 9] = [
        (&[], StatusCode::OK),
        (&[("host", "observer.example")], StatusCode::OK),
        (&[("host", "evil.example")], StatusCode::MISDIRECTED_REQUEST),
        (&[("origin", &ours)], StatusCode::OK),
        (&[("origin", "https://observer.example")], StatusCode::OK),
        (&[("origin", "https://evil.example")], StatusCode::FORBIDDEN),
        (&[("origin", "null")], StatusCode::FORBIDDEN),
        (
            &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "script")],
            StatusCode::FORBIDDEN,
        ),
        (
            &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")],
            StatusCode::OK,
        ),
    ];
    for (headers, expected) in table {
        for path in ["/", "/api/info", "/lib/dom.js"] {
            assert_eq!(status(&running, path, headers).await, expected, "{path} {headers:?}");
        }
        // Neither does the feed.
        let path = if expected.is_success() { continue } else { "/events" };
        assert_eq!(status(&running, path, headers).await, expected, "{path} {headers:?}");
        let socket = Client::connect(&format!("ws://{}/ws", running.address), headers).await;
        let Err(Error::Http(refusal)) = socket else { panic!("{headers:?} got the feed") };
        assert_eq!(refusal.status().as_u16(), expected.as_u16());
    }
    let answer = reqwest::get(&running.url).await.unwrap();
    let policy = answer.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    running.end().await;
}

#[tokio::test]
async fn whoever_must_log_in_sees_nothing_before() {
    let start = |secret| {
        let access = Access { auth: Some(Auth::new(secret).unwrap()), ..Access::default() };
        Running::start(Options { access, ..Options::default() })
    };
    let (token, named) = (start("correct horse"), start("satoshi:correct horse"));
    for path in ["/", "/api/info", "/lib/dom.js", "/ws", "/events", "/nothing"] {
        assert_eq!(status(&token, path, &[]).await, StatusCode::UNAUTHORIZED, "{path}");
    }
    // "satoshi:correct horse", "x:correct horse", "satoshi:wrong horse!"
    let (right, other, wrong) =
        ("Basic c2F0b3NoaTpjb3JyZWN0IGhvcnNl", "Basic eDpjb3JyZWN0IGhvcnNl", "Basic c2F0b3NoaTp3cm9uZyBob3JzZSE=");
    for (running, authorization, is_right) in [
        (&token, "Bearer correct horse", true),
        (&token, "Bearer wrong horse!!", false),
        (&token, right, true),
        (&token, other, true),
        (&token, wrong, false),
        (&named, right, true),
        (&named, other, false),
        (&named, "Bearer correct horse", false),
        (&named, "Basic ====", false),
    ] {
        let expected = if is_right { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
        assert_eq!(
            status(running, "/api/info", &[("authorization", authorization)]).await,
            expected,
            "{authorization}"
        );
    }
    // A token in the address is answered with a cookie and a redirect without the token.
    let http = Http::builder().redirect(redirect::Policy::none()).build().unwrap();
    let answer = http.get(format!("{}?token=correct+horse", token.url)).send().await.unwrap();
    assert_eq!((answer.status(), answer.headers()["location"].to_str().unwrap()), (StatusCode::SEE_OTHER, "./"));
    let cookie = answer.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict") && !cookie.contains("horse"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();
    assert_eq!(status(&token, "/api/info", &[("cookie", cookie)]).await, StatusCode::OK);
    assert_eq!(status(&named, "/api/info", &[("cookie", cookie)]).await, StatusCode::UNAUTHORIZED);
    Client::connect(&format!("ws://{}/ws", token.address), &[("cookie", cookie)]).await.unwrap();
    token.end().await;
    named.end().await;
}

#[tokio::test]
async fn all_is_under_a_prefix() {
    let running = Running::start(Options { prefix: "/observer".to_owned(), ..Options::default() });
    for (path, expected) in [
        ("/observer/", StatusCode::OK),
        ("/observer", StatusCode::PERMANENT_REDIRECT),
        ("/observer/api/info", StatusCode::OK),
        ("/observer/lib/dom.js", StatusCode::OK),
        ("/observer/../Cargo.toml", StatusCode::NOT_FOUND),
        ("/observer/%2e%2e/Cargo.toml", StatusCode::NOT_FOUND),
        ("/", StatusCode::NOT_FOUND),
        ("/api/info", StatusCode::NOT_FOUND),
    ] {
        assert_eq!(status(&running, path, &[]).await, expected, "{path}");
    }
    Client::connect(&format!("ws://{}/observer/ws", running.address), &[]).await.unwrap();
    running.end().await;
}
