//! A server that answers as a test wants it to.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bus::counters::{RPC_CALLS, RPC_ERRORS};
use event::pb::rpc_extractor::rpc::RpcEvent;
use node::{HostPort, Secret, Target};
use serde_json::{Value, json};
use testbed::eventually;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::{PATIENCE, observe, only};
use testbed::log;

const TICK: Duration = Duration::from_millis(30);

/// What the server does with a call.
enum Reply {
    Result(Value),
    Error(i64),
    Status(&'static str),
    /// Closes the connection without an answer.
    Close,
    /// Never answers.
    Silence,
    /// Answers after some time.
    Late(Duration, Value),
}

/// Serves each call, given by its method, by `script`. Gives the target of a node of which no process is known here.
async fn serve(script: impl FnMut(&str) -> Reply + Send + 'static) -> Target {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let script = Arc::new(Mutex::new(script));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(stream, Arc::clone(&script)));
        }
    });
    Target {
        rpc: Some(HostPort::new("127.0.0.1", port)),
        rpc_user: Some("u".to_owned()),
        rpc_password: Some(Secret::new("p")),
        ..Target::default()
    }
}

async fn converse(mut stream: TcpStream, script: Arc<Mutex<impl FnMut(&str) -> Reply>>) {
    while let Some(method) = read_call(&mut stream).await {
        let reply = (script.lock().unwrap())(&method);
        let (status, body) = match reply {
            Reply::Result(result) => ("200 OK", json!({"jsonrpc": "2.0", "result": result, "id": 1})),
            Reply::Error(code) => ("200 OK", json!({"error": {"code": code, "message": "no"}, "id": 1})),
            Reply::Status(status) => (status, json!("")),
            Reply::Close => return,
            Reply::Silence => std::future::pending().await,
            Reply::Late(delay, result) => {
                tokio::time::sleep(delay).await;
                ("200 OK", json!({"result": result, "id": 1}))
            }
        };
        let body = body.to_string();
        let text = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        if stream.write_all(text.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// The method of the next call; none when the connection is closed.
async fn read_call(stream: &mut TcpStream) -> Option<String> {
    let mut text = String::new();
    loop {
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.to_lowercase().split_once("content-length: ")?.1.lines().next()?.parse::<usize>().ok()?;
            if body.len() >= length {
                let call: Value = serde_json::from_str(body).unwrap();
                return Some(call["method"].as_str().unwrap().to_owned());
            }
        }
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).await.ok().filter(|n| *n > 0)?;
        text.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
    }
}

#[tokio::test]
async fn a_slow_method_delays_no_other() {
    let (under_way, most) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(0)));
    let (count, peak) = (Arc::clone(&under_way), Arc::clone(&most));
    let target = serve(move |method| match method {
        "uptime" => Reply::Result(json!(100)),
        "getrawaddrman" => {
            *count.lock().unwrap() += 1;
            Reply::Silence
        }
        // Later than the next ticks: those are left out.
        "getnettotals" => {
            *peak.lock().unwrap() += 1;
            Reply::Late(TICK * 10, json!({"timemillis": 5}))
        }
        _ => Reply::Close,
    })
    .await;
    let options = only(&["getrawaddrman", "getnettotals", "uptime"], TICK);
    let mut observed = observe("slow", target, options);
    let (mut uptimes, mut totals, started) = (0_u32, 0_u32, Instant::now());
    while uptimes < 40 || totals < 2 {
        match observed.next_answer().await.1 {
            RpcEvent::Uptime(100) => uptimes += 1,
            RpcEvent::NetTotals(_) => totals += 1,
            other => panic!("{other:?}"),
        }
    }
    let ticks = started.elapsed().as_millis() / TICK.as_millis();
    assert_eq!(*under_way.lock().unwrap(), 1, "one call of a method at a time");
    assert!(*most.lock().unwrap() <= u128::from(totals) + 1 && u128::from(totals) <= ticks / 10 + 1);
    // With a call under way that is never answered.
    observed.stop().await;
}

#[tokio::test]
async fn errors_are_counted_and_logged_once_until_they_change() {
    let mut call = 0;
    let target = serve(move |method| match method {
        "uptime" => Reply::Result(json!(100)),
        "getpeerinfo" => Reply::Error(-32601),
        "getmempoolinfo" => Reply::Status("403 Forbidden"),
        "getmemoryinfo" => Reply::Result(json!("no object")),
        "getaddrmaninfo" => Reply::Silence,
        "getnetworkinfo" => Reply::Close,
        "getnettotals" => {
            call += 1;
            match call {
                1..=10 => Reply::Error(-1),
                11..=20 => Reply::Error(-2),
                // Answered as by a node that is starting: nothing to speak of.
                21 => Reply::Error(-28),
                22..=30 => Reply::Result(json!({"timemillis": call})),
                _ => Reply::Error(-1),
            }
        }
        _ => Reply::Close,
    })
    .await;
    let methods = [
        "getpeerinfo",
        "getmempoolinfo",
        "getmemoryinfo",
        "getaddrmaninfo",
        "getnetworkinfo",
        "getnettotals",
        "uptime",
    ];
    let mut options = only(&methods, TICK);
    // Long enough for a busy machine.
    options.timeout = Duration::from_secs(1);
    let observed = observe("errors", target, options);
    let again = || async {
        let counted = |labels, least| observed.counted(&RPC_ERRORS, labels) >= least;
        (counted(["getnettotals", "node"], 25.0) && counted(["getaddrmaninfo", "timeout"], 2.0)).then_some(())
    };
    eventually("all answers are given", PATIENCE, again).await.unwrap();
    for (labels, expected) in [
        (["getpeerinfo", "no_method"], 1.0..=1.0),
        (["getmempoolinfo", "forbidden"], 1.0..=1.0),
        (["getmemoryinfo", "malformed"], 2.0..=f64::MAX),
        (["getaddrmaninfo", "timeout"], 2.0..=f64::MAX),
        (["getnetworkinfo", "interrupted"], 2.0..=f64::MAX),
        (["getnettotals", "warming_up"], 0.0..=0.0),
    ] {
        let count = observed.counted(&RPC_ERRORS, labels);
        assert!(expected.contains(&count), "{labels:?}: {count}");
    }
    assert_eq!(observed.counted(&RPC_CALLS, ["getpeerinfo"]), 1.0);
    observed.stop().await;
    for (words, times) in [
        (["no method getpeerinfo", "logged once"], 1),
        (["does not let \"u\" call getmempoolinfo", "rpcwhitelist=u:...,getmempoolinfo"], 1),
        (["result of getmemoryinfo", "not understood"], 1),
        (["getaddrmaninfo", "gave no answer in 1 s"], 1),
        (["broke off getnetworkinfo", "logged once"], 1),
        (["getnettotals", "error -1"], 2),
        (["getnettotals", "error -2"], 1),
    ] {
        let logged = log::lines(&["WARN", "node errors:", words[0], words[1]]);
        assert_eq!(logged.len(), times, "{words:?}: {logged:?}");
    }
    assert_eq!(log::lines(&["node errors:", "getnettotals works again"]).len(), 1);
}

#[tokio::test]
async fn a_node_elsewhere_that_was_restarted_is_known_by_its_uptime() {
    let now = Arc::new(Mutex::new((1000_u64, false)));
    let state = Arc::clone(&now);
    let target = serve(move |method| {
        let (uptime, away) = *state.lock().unwrap();
        match method {
            _ if away => Reply::Close,
            "uptime" => Reply::Result(json!(uptime)),
            "getnettotals" => Reply::Result(json!({"timemillis": uptime})),
            _ => Reply::Close,
        }
    })
    .await;
    let mut observed = observe("far", target, only(&["getnettotals"], TICK));
    let (record, _) = observed.next_answer().await;
    let first = record.envelope().run;

    // It can't be reached for a while, but it is the same run of it.
    *now.lock().unwrap() = (1000, true);
    let lost = || async { (log::lines(&["WARN", "node far:", "lost:"]).len() == 1).then_some(()) };
    eventually("the loss is noticed", PATIENCE, lost).await.unwrap();
    *now.lock().unwrap() = (2000, false);
    loop {
        let (record, answer) = observed.next_answer().await;
        assert_eq!(record.envelope().run, first);
        if matches!(answer, RpcEvent::NetTotals(totals) if totals.time_millis == 2000) {
            break;
        }
    }
    // It was restarted without a call that failed.
    *now.lock().unwrap() = (1, false);
    let (record, _) = observed.next_answer_after(first).await;
    assert_eq!(record.envelope().sequence, 1);
    observed.stop().await;
    assert_eq!(log::lines(&["WARN", "node far:", "it was restarted 1 s ago"]).len(), 1);
}
