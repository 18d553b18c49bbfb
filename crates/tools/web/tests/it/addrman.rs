//! The tables of address managers: what is served of them, and what the page shows of full ones.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use bus::{Delivery, Mark};
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::pb::rpc_extractor::{Addrman, AddrmanBucket, AddrmanEntry, Rpc};
use event::time::now_ns;
use event::{Body, Record};
use reqwest::header::{ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_ENCODING, CONTENT_TYPE, ORIGIN};
use serde_json::{Value, json};
use serve::Access;
use testbed::{Browser, Page};
use web::{Options, Public};

use crate::running::{PATIENCE, Running, event, samples};

const SECOND: u64 = 1_000_000_000;
const SERVICES: [u64; 6] = [1_033, 3_081, 1_032, 9, 0, u64::MAX];

/// A number that looks random, from others.
fn mixed(numbers: &[u64]) -> u64 {
    numbers.iter().fold(0x9e37_79b9_7f4a_7c15, |state, number| {
        let state = (state ^ number).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (state ^ (state >> 29)).wrapping_mul(0x94d0_49bb_1331_11eb) ^ (state >> 32)
    })
}

/// An address that nobody has, of a network, with its group's number as that of its autonomous system.
fn address(n: u64) -> (String, &'static str, Option<u32>) {
    let random = mixed(&[n, 1]);
    let group = mixed(&[random % 400 % (1 + random % 37)]) % 60_000;
    match random % 100 {
        0..60 => {
            let (a, b) = (11 + group % 200, group / 200 % 250);
            (format!("{a}.{b}.{}.{}", n / 250 % 250, n % 250), "ipv4", Some(64_512 + (group % 900) as u32))
        }
        60..85 => (format!("{:a>56}.onion", base32(n)), "onion", None),
        85..93 => (format!("2001:db8:{:x}::{:x}", group % 0xfff + 1, n + 1), "ipv6", Some(64_600)),
        93..98 => (format!("{:a>52}.b32.i2p", base32(n)), "i2p", None),
        _ => (format!("fc00:{:x}::{:x}", group % 0xfff + 1, n + 1), "cjdns", None),
    }
}

fn base32(n: u64) -> String {
    let digits = b"abcdefghijklmnopqrstuvwxyz234567";
    (0..13).map(|i| char::from(digits[(n >> (5 * i) & 31) as usize])).collect()
}

fn entry(n: u64, now: u64) -> AddrmanEntry {
    let (address, network, mapped_as) = address(n);
    let random = mixed(&[n, 2]);
    let (source, source_network, source_mapped_as) = self::address(mixed(&[random % 1_000 % (1 + random % 97)]) % 500);
    let ages = [600, 40_000, 300_000, 1_500_000, 4_000_000, 9_000_000];
    let age = random % ages[(random >> 8) as usize % 6];
    AddrmanEntry {
        address,
        port: if network == "i2p" {
            0
        } else if random.is_multiple_of(20) {
            1_024 + (random % 60_000) as u32
        } else {
            8_333
        },
        network: network.to_owned(),
        services: SERVICES[(random >> 16) as usize % 37 % 6],
        time: (now - age) as i64,
        source,
        source_network: source_network.to_owned(),
        mapped_as,
        source_mapped_as,
    }
}

/// Tables in which each slot is used, unless `gap` leaves every so manyth one empty. Those of another `round` differ in some slots.
fn tables(now: u64, gap: u64, round: u64) -> Addrman {
    let changed = |n: u64| if mixed(&[n, 3]) % 25 < round { n + 1_000_000 * round } else { n };
    let table = |buckets: u32, first: u64| -> BTreeMap<u32, AddrmanBucket> {
        let bucket = |bucket: u32| {
            let slots = (0..64).map(|position| (position, first + u64::from(bucket * 64 + position)));
            let entries = slots.filter(|(_, n)| gap == 0 || n % gap != round).map(|(position, n)| {
                // An address may be in several buckets of the new table.
                let n = if first == 0 && mixed(&[n]).is_multiple_of(10) { n / 2 } else { n };
                (position, entry(changed(n), now))
            });
            (bucket, AddrmanBucket { entries: entries.collect() })
        };
        (0..buckets).map(bucket).collect()
    };
    Addrman { new: table(1_024, 0), tried: table(256, 100_000) }
}

fn dump(sequence: u64, time_ns: u64, tables: Addrman) -> Arc<Record> {
    let body = Body::RpcExtractor(Rpc { rpc_event: Some(RpcEvent::Addrman(tables)) });
    Arc::new(Record::new("alice".into(), 5, sequence, time_ns, body))
}

/// As getrawaddrman writes it.
fn written(tables: &Addrman) -> Value {
    let of = |buckets: &BTreeMap<u32, AddrmanBucket>| -> Value {
        let slots = buckets
            .iter()
            .flat_map(|(bucket, of)| of.entries.iter().map(move |(position, entry)| (bucket, position, entry)));
        let slots = slots.map(|(bucket, position, entry)| {
            let mut json = serde_json::to_value(entry).unwrap();
            json.as_object_mut().unwrap().retain(|_, value| !value.is_null());
            // Beyond 2^53, the JSON of events has text.
            json["services"] = entry.services.into();
            (format!("{bucket}/{position}"), json)
        });
        slots.collect::<serde_json::Map<_, _>>().into()
    };
    json!({ "new": of(&tables.new), "tried": of(&tables.tried) })
}

async fn get(running: &Running, path: &str, headers: &[(reqwest::header::HeaderName, &str)]) -> reqwest::Response {
    let mut request = reqwest::Client::new().get(format!("{}{path}", running.url));
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    request.send().await.unwrap()
}

async fn unpacked(response: reqwest::Response) -> Vec<u8> {
    let (mut bytes, packed) = (Vec::new(), response.bytes().await.unwrap());
    flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut bytes).unwrap();
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn full_tables_are_served_as_the_node_gave_them() {
    let access = Access { names: vec!["addrman.example".to_owned()], ..Access::default() };
    let running = Running::start(Options { access, ..Options::default() });
    let now = now_ns() / SECOND;
    let [before, after] = [tables(now - 7_200, 50, 1), tables(now, 0, 0)];
    running.publish([dump(1, (now - 7_200) * SECOND, before.clone()), dump(2, now * SECOND, after.clone())]).await;
    let api = running
        .wait_for("addrman", |api| api["nodes"][0]["snapshots"].as_array().is_some_and(|all| all.len() == 2))
        .await;
    let snapshots = &api["nodes"][0]["snapshots"];
    assert_eq!((&snapshots[1]["new"], &snapshots[1]["tried"]), (&json!(65_536), &json!(16_384)));
    let bytes = snapshots[1]["bytes"].as_u64().unwrap();
    assert!(bytes < 2_500_000, "{bytes}");
    let entries = &api["nodes"][0]["entries"];
    assert_eq!((&entries["new"], &entries["tried"]), (&json!(65_536), &json!(16_384)));
    let is_terrible = |entry: &&AddrmanEntry| entry.time < (now - 30 * 86_400) as i64;
    let terrible = after.new.values().flat_map(|bucket| bucket.entries.values()).filter(is_terrible).count();
    assert_eq!(entries["terrible_new"], terrible);
    assert!(entries["sources"][0]["buckets"].as_u64() > Some(0));

    // Packed for those who take it, and readable for the pages of a name that is configured.
    let origin = [(ACCEPT_ENCODING, "gzip"), (ORIGIN, "https://addrman.example")];
    let packed = get(&running, "addrman/alice", &origin).await;
    for (name, value) in [(CONTENT_ENCODING, "gzip"), (CONTENT_TYPE, "application/json")] {
        assert_eq!(packed.headers()[name], value);
    }
    assert_eq!(packed.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], "https://addrman.example");
    let json: Value = serde_json::from_slice(&unpacked(packed).await).unwrap();
    let given = written(&after);
    for table in ["new", "tried"] {
        for (slot, entry) in given[table].as_object().unwrap() {
            assert_eq!(json[table].get(slot), Some(entry), "{table} {slot}");
        }
    }
    assert!(json == given);
    let plain = get(&running, "addrman/alice", &[]).await;
    assert!(
        plain.headers().get(CONTENT_ENCODING).is_none() && plain.headers().get(ACCESS_CONTROL_ALLOW_ORIGIN).is_none()
    );
    assert!(plain.json::<Value>().await.unwrap() == json);
    assert_eq!(get(&running, "addrman/alice", &[(ORIGIN, "https://other.example")]).await.status(), 403);

    // The compact form of each time.
    for (snapshot, tables) in snapshots.as_array().unwrap().iter().zip([&before, &after]) {
        let path = format!("addrman/alice/columns?time={}", snapshot["time"].as_str().unwrap());
        let columns = unpacked(get(&running, &path, &[(ACCEPT_ENCODING, "br, gzip;q=0.5")]).await).await;
        let plain = get(&running, &path, &[(ACCEPT_ENCODING, "gzip;q=0")]).await;
        assert!(plain.bytes().await.unwrap() == columns);
        let length = u32::from_le_bytes(columns[8..12].try_into().unwrap()) as usize;
        let head: Value = serde_json::from_slice(&columns[12..12 + length]).unwrap();
        let count =
            |table: &BTreeMap<u32, AddrmanBucket>| table.values().map(|bucket| bucket.entries.len()).sum::<usize>();
        assert_eq!((&head["new"], &head["tried"]), (&json!(count(&tables.new)), &json!(count(&tables.tried))));
        assert_eq!((&head["as"], &head["outside"], &head["time"]), (&json!("node"), &json!(0), &snapshot["time"]));
    }
    for (path, status) in [
        ("addrman/bob", 404),
        ("addrman/bob/columns", 404),
        ("addrman/alice/columns?time=never", 404),
        ("addrman/alice/columns?colour=red", 400),
        ("addrman/alice/other", 404),
    ] {
        let answer = get(&running, path, &[]).await;
        assert_eq!(answer.status(), status, "{path}: {}", answer.text().await.unwrap());
    }
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_public_sees_pseudonyms_and_nothing_as_the_node_gave_it() {
    let running = Running::start(Options { public: Some(Public::default()), ..Options::default() });
    let tables = tables(now_ns() / SECOND, 0, 0);
    // A pseudonym of an IPv4 address may be the address of somebody else: it is of the same /16.
    let entries = tables.new.values().take(50).flat_map(|bucket| bucket.entries.values());
    let secrets: Vec<String> =
        entries.filter(|entry| entry.network != "ipv4").map(|entry| entry.address.clone()).collect();
    running.publish([dump(1, now_ns(), tables)]).await;
    running.wait_for("addrman", |api| api["nodes"][0]["snapshots"].as_array().is_some_and(|all| !all.is_empty())).await;
    let refused = get(&running, "addrman/alice", &[]).await;
    assert_eq!(refused.status(), 404);
    assert!(refused.text().await.unwrap().contains("public mode"));
    let columns = get(&running, "addrman/alice/columns", &[]).await.bytes().await.unwrap();
    let text = String::from_utf8_lossy(&columns);
    let lines: std::collections::BTreeSet<&str> = text.lines().collect();
    assert!(lines.len() > 1_000);
    let seen: Vec<&String> = secrets.iter().filter(|secret| lines.contains(secret.as_str())).collect();
    assert!(secrets.len() > 500 && seen.is_empty(), "{seen:?} of {}", secrets.len());
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_that_were_tried_are_known_to_be_reachable_or_not() {
    let running = Running::start(Options::default());
    let entry = |address: &str, network: &str| AddrmanEntry {
        address: address.to_owned(),
        port: 8_333,
        network: network.to_owned(),
        source: "192.0.2.9".to_owned(),
        source_network: "ipv4".to_owned(),
        ..AddrmanEntry::default()
    };
    let mut tables = Addrman::default();
    let all = [entry("192.0.2.1", "ipv4"), entry("2001:db8::1", "ipv6"), entry("192.0.2.3", "ipv4")];
    tables.new.insert(0, AddrmanBucket { entries: (0..).zip(all).collect() });
    let sample = samples()
        .into_iter()
        .map(|sample| event::json::to_json(&sample))
        .find(|json| json.contains("\"kind\":\"attempt\""))
        .unwrap();
    let sample: Value = serde_json::from_str(&sample).unwrap();
    let tried = |sequence: u64, address: Value, outcome: &str| {
        let mut json = sample.clone();
        json["node"] = "alice".into();
        json["sequence"] = sequence.into();
        json["body"]["address"]["port"] = 8_333.into();
        for name in ["ipv4", "ipv6", "torv3", "i2p", "cjdns"] {
            json["body"]["address"].as_object_mut().unwrap().remove(name);
        }
        json["body"]["address"].as_object_mut().unwrap().extend(address.as_object().unwrap().clone());
        json["body"]["outcome"] = outcome.into();
        json["body"]["cached"] = false.into();
        event(&json)
    };
    running
        .publish([
            dump(1, now_ns(), tables),
            tried(1, json!({ "ipv4": "192.0.2.1" }), "TIMEOUT"),
            tried(2, json!({ "ipv6": "2001:db8::1" }), "V2"),
        ])
        .await;
    running.wait_for("addrman", |api| api["nodes"][0]["snapshots"].as_array().is_some_and(|all| !all.is_empty())).await;
    let known = get(&running, "addrman/alice/reachable", &[]).await.bytes().await.unwrap();
    assert_eq!(&known[..], [2, 1, 0]);
    running.end().await;
}

/// What an archive has of a day, read within a moment: the first of each hour, and the last.
#[tokio::test(flavor = "multi_thread")]
async fn tables_of_a_day_come_from_the_archive() {
    let running = Running::start(Options::default());
    let day = 86_400 * SECOND;
    let first_ns = (now_ns() - day) / (3_600 * SECOND) * 3_600 * SECOND;
    let mut tables = Addrman::default();
    tables.tried.insert(7, AddrmanBucket { entries: [(9, entry(1, now_ns() / SECOND))].into() });
    let dumps = (0..288).flat_map(|n| {
        let time_ns = first_ns + n * 300 * SECOND;
        [Delivery::Mark(Mark::Time(time_ns)), Delivery::Event(dump(n + 1, time_ns, tables.clone()))]
    });
    let [begin, ready] = [Delivery::Mark(Mark::Begin), Delivery::Mark(Mark::Ready)];
    running.bus.deliver(std::iter::once(begin.clone()).chain(dumps).chain([ready]).collect()).await;
    let last = event::time::rfc3339_micros(first_ns + 287 * 300 * SECOND);
    let times = |api: &Value| -> Vec<String> {
        let kept = api["nodes"][0]["snapshots"].as_array().into_iter().flatten();
        kept.map(|one| one["time"].as_str().unwrap().to_owned()).collect()
    };
    let api = running.wait_for("addrman", |api| times(api).last() == Some(&last)).await;
    let times = times(&api);
    for hour in 0..24 {
        let first = event::time::rfc3339_micros(first_ns + hour * 3_600 * SECOND);
        assert!(times.contains(&first), "{first} is not among {times:?}");
    }
    assert!(times.len() <= 27 && times.is_sorted(), "{times:?}");
    // When another time is shown, they are forgotten.
    running.bus.deliver([begin].into_iter().collect()).await;
    running.wait_for("addrman", |api| api["nodes"].as_array().is_some_and(Vec::is_empty)).await;
    running.end().await;
}

/// Waits until an expression is true.
async fn until(page: &Page, expression: &str) {
    if let Err(error) = page.until(expression, PATIENCE).await {
        let text = page.value("document.querySelector('main').innerText").await.unwrap();
        panic!("{expression}: {error}: {text} {:?}", page.wrong());
    }
}

/// Where a picture of the page goes, if pictures are wanted.
fn picture(name: &str) -> Option<PathBuf> {
    std::env::var_os("SCREENSHOTS").map(|folder| PathBuf::from(folder).join(format!("{name}.png")))
}

/// What the modules of the page find, compared with what the node gave: in the page itself, as that is where they run.
const MODULES: &str = r#"(async () => {
    const from = (name) => import(new URL(`views/addrman/${name}.js`, document.baseURI));
    const [columns, dump, geometry, compare, statistics, search, groups, colouring] = await Promise.all(
        ["columns", "dump", "geometry", "compare", "statistics", "search", "groups", "colouring"].map(from));
    const { nodes } = await (await fetch("api/addrman")).json();
    const [before, after] = await Promise.all(nodes[0].snapshots.map(async ({ time }) =>
        columns.read(await (await fetch(`addrman/alice/columns?time=${time}`)).arrayBuffer(), "alice")));
    const text = await (await fetch("addrman/alice")).text();
    const file = dump.parse(text, "file");
    const raw = JSON.parse(text.replace(/"services":(\d{16,})/g, '"services":"$1"'));
    const wrong = [];
    const same = (what, is, expected) => {
        if (JSON.stringify(is) !== JSON.stringify(expected) && wrong.length < 9) wrong.push([what, is, expected]);
    };
    // Each slot, of the compact form and of the file.
    for (const tables of [after, file]) {
        let used = 0;
        for (let slot = 0; slot < geometry.SLOTS; slot += 1) {
            const [table, bucket, position] = geometry.placeOf(slot);
            const entry = tables.slots[slot];
            const expected = raw[table][`${bucket}/${position}`];
            if (entry < 0 || !expected) { same(`slot ${slot}`, entry, expected ?? -1); continue; }
            used += 1;
            const source = tables.sources[entry];
            same(`slot ${slot}`, [tables.addresses[entry], tables.ports[entry], tables.networkNames[tables.networks[entry]],
                String(tables.serviceNames[tables.services[entry]]), tables.times[entry], tables.sourceNames[source],
                tables.networkNames[tables.sourceNetworks[source]], tables.systems[entry], tables.sourceSystems[source]],
                [expected.address, expected.port, expected.network, String(expected.services), expected.time, expected.source,
                expected.source_network, expected.mapped_as ?? 0, expected.source_mapped_as ?? 0]);
        }
        same("used", used, 81920);
    }
    // Places on the canvas, and back.
    for (const below of [false, true]) for (const pitch of [1, 2, 3, 6]) {
        const place = geometry.layout(pitch, 20, below);
        for (let slot = 0; slot < geometry.SLOTS; slot += 61) same(`place ${pitch}`, place.at(...place.of(slot)), slot);
        same("outside", place.at(-1, 5), -1);
    }
    for (const pitch of geometry.PITCHES) { const [base, times] = geometry.baseOf(pitch); same("base", base * times, pitch); }
    same("beside", [geometry.beside(7, 1, 0), geometry.beside(0, -1, 0), geometry.beside(56, 0, 1), geometry.beside(65536 + 7, 1, 0)],
        [64, 0, 32 * 64, 65536 + 64]);
    // What changed.
    const endpoints = (tables) => { const all = new Map();
        tables.slots.forEach((entry, slot) => { if (entry >= 0) { const key = `${tables.addresses[entry]} ${tables.ports[entry]}`;
            all.set(key, (all.get(key) ?? 0) | (slot < 65536 ? 1 : 2)); } }); return all; };
    const [old, now] = [endpoints(before), endpoints(after)];
    const counts = { stayed: 0, came: 0, tried: 0, back: 0, went: 0 };
    for (const [key, is] of now) { const was = old.get(key) ?? 0;
        counts[!was ? "came" : (is & 2) && !(was & 2) ? "tried" : (was & 2) && !(is & 2) ? "back" : "stayed"] += 1; }
    for (const key of old.keys()) if (!now.has(key)) counts.went += 1;
    const compared = compare.compare(before, after);
    same("changes", compared.counts, counts);
    if (!counts.came || !counts.went) wrong.push(["nothing changed", counts]);
    // The sources that the API counts.
    const found = statistics.statistics(after, null);
    same("terrible", found.terrible, [nodes[0].entries.terrible_new, nodes[0].entries.terrible_tried]);
    const noMap = { ...after, systemsFrom: null };
    const fillers = new Map(statistics.statistics(noMap, null).fillers.map((one) => [one.name, [one.entries + one.tried, one.buckets]]));
    for (const source of nodes[0].entries.sources.filter((one) => one.group.includes("/"))) same(source.group, fillers.get(source.group), [source.entries, source.buckets]);
    // What is found, and what is alike.
    const slots = (mask) => mask.reduce((sum, one) => sum + one, 0);
    const port = Object.values(raw.new).concat(Object.values(raw.tried)).filter((one) => one.port === 8333).length;
    same("port", slots(search.search(after, "port:8333")), port);
    same("bucket", slots(search.search(after, "bucket:tried/7")), 64);
    same("empty", search.search(after, "  "), null);
    same("like", slots(search.alike(after, 0, "source")), slots(search.search(after, `source:${after.sourceNames[after.sources[after.slots[0]]]}`)));
    for (const [key] of colouring.CRITERIA) {
        const { of, list } = colouring.colouring(key, after, { reachable: null, comparison: compared });
        if (list.reduce((sum, one) => sum + one.count, 0) !== of.reduce((sum, one) => sum + (one > 0 ? 1 : 0), 0)) wrong.push([key, list]);
        if (list.length > 12) wrong.push([key, list.length]);
    }
    // Groups, as networks::group16 has them.
    for (const [address, network, group] of [["192.0.2.1", "ipv4", "192.0.0.0/16"], ["2001:db8:7::1", "ipv6", "2001:db8::/32"],
        ["2001:470:f123::1", "ipv6", "2001:470:f000::/36"], ["fc0f:1::7", "cjdns", "fc00::/12"], ["dx.onion", "onion", "onion:cd"], ["7x.b32.i2p", "i2p", "i2p:67"],
        ["1.onion", "onion", "onion"], ["127.0.0.1", "not_publicly_routable", "not_publicly_routable"],
        ["2002:c000:0204::1", "ipv6", "192.0.0.0/16"], ["::ffff:192.0.2.1", "ipv6", "192.0.0.0/16"],
        ["2001:0:1:2:3:4:3fff:fdfe", "ipv6", "192.0.0.0/16"], ["64:ff9b::c000:201", "ipv6", "192.0.0.0/16"], ["odd", "", "unknown"]])
        same(address, groups.groupOf(address, network), group);
    same("expected", [...statistics.expectedShares([{ network: "ipv4", in: 3 }, { network: "onion", in: 1 }, { network: "i2p", in: 9 }],
        new Map([["i2p", false]]))], [["ipv4", 0.75], ["onion", 0.25]]);
    // Files that are something else, or hostile.
    for (const text of ["", "[]", "{}", '{"new":{},"tried":[]}']) { let error = null; try { dump.parse(text, "f"); } catch (e) { error = e; }
        if (!error) wrong.push(["no error", text]); }
    const odd = dump.parse('{"new":{"0/0":{"network":"constructor","address":5,"port":-1,"services":18446744073709551615,"time":"x"},"1024/0":{},"__proto__":{},"0/1":7},"tried":{}}', "f");
    same("odd", [odd.total, odd.outside, odd.addresses[0], odd.ports[0], odd.serviceNames[0], odd.times[0]], [[1, 0], 3, "", 0, "18446744073709551615", 0]);
    const { list } = colouring.colouring("network", odd, { reachable: null, comparison: null });
    same("odd colours", list.map((one) => one.color), ["olive", "olive"]);
    return wrong;
})()"#;

/// Frames while the canvas is moved by keys, the tables full and some of them highlighted: the longest work in milliseconds, and the median.
const FRAMES: &str = r#"(async () => {
    const el = document.querySelector(".addrman-pointer");
    el.focus();
    const key = (key, shiftKey) => el.dispatchEvent(new KeyboardEvent("keydown", { key, shiftKey, bubbles: true }));
    for (let i = 0; i < 5; i += 1) key("+");
    const work = [];
    const frame = () => new Promise((done) => requestAnimationFrame(done));
    const keys = ["ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"];
    await frame();
    for (let i = 0; i < 120; i += 1) {
        const started = performance.now();
        // Another slot is pointed at in each frame, so another highlight is drawn, and the canvas moves.
        key(keys[i >> 5], false);
        key(keys[i >> 5], true);
        await frame();
        const drawn = performance.now();
        work.push(drawn - started);
    }
    key("0");
    work.sort((a, b) => a - b);
    return { median: work[60], p95: work[114], longest: work[119] };
})()"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_full_tables() {
    if testbed::require_chromium().is_none() {
        return;
    }
    let running = Running::start(Options::default());
    let now = now_ns() / SECOND;
    running
        .publish([
            dump(1, (now - 7_200) * SECOND, tables(now - 7_200, 50, 1)),
            dump(2, now * SECOND, tables(now, 0, 0)),
        ])
        .await;
    running.wait_for("addrman", |api| api["nodes"][0]["snapshots"].as_array().is_some_and(|all| all.len() == 2)).await;
    let browser = Browser::start().await.unwrap();
    let page = browser.page(1_400, 900).await.unwrap();
    page.go(&format!("{}#/addrman", running.url)).await.unwrap();
    until(&page, "document.querySelector('.addrman-about')?.textContent.includes('65,536 new, 16,384 tried')").await;
    until(&page, "document.querySelectorAll('.addrman-numbers tbody tr').length > 20").await;
    assert_eq!(page.value(MODULES).await.unwrap(), json!([]));
    let is_smooth = |frames: &Value| frames["median"].as_f64().is_some_and(|ms| ms < 170.0);
    // A slow machine under load is no reason to fail; ten times as long, again and again, is.
    let mut frames = Value::Null;
    for _ in 0..3 {
        frames = page.value(FRAMES).await.unwrap();
        eprintln!("frames of full tables: {frames}");
        if is_smooth(&frames) {
            break;
        }
    }
    assert!(is_smooth(&frames), "{frames}");

    // Compared, all choices are there and do something.
    page.value("(() => { const el = document.querySelectorAll('.view-addrman .toolbar select')[2]; el.value = el.options[2].value; el.dispatchEvent(new Event('change')); })()").await.unwrap();
    until(&page, "/came, .*went/.test(document.querySelector('.addrman-summary').textContent)").await;
    until(&page, "document.querySelector('.addrman-side h2').textContent === 'What changed'").await;
    if let Some(path) = picture("addrman-change-wide") {
        page.screenshot(&path).await.unwrap();
    }
    page.value("(() => { const el = document.querySelector('.addrman-search'); el.value = 'network:onion'; el.dispatchEvent(new Event('input')); })()").await.unwrap();
    until(&page, "/found: [\\d,]+ slots/.test(document.querySelector('.addrman-words').textContent)").await;
    // A slot that is chosen by keys stays, with all that is known of it.
    page.value("document.querySelector('.addrman-pointer').dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true }))").await.unwrap();
    until(&page, "/Source's group/.test(document.querySelector('.addrman-side').innerText) && document.querySelectorAll('.addrman-side .chip').length === 9").await;
    // A file that is dropped.
    page.value(r#"(() => { const data = new DataTransfer();
        data.items.add(new File(['{"new":{"3/5":{"address":"192.0.2.1","port":8333,"network":"ipv4","services":9,"time":1700000000,"source":"192.0.2.2","source_network":"ipv4"}},"tried":{}}'], "dump.json"));
        document.querySelector(".view-addrman").dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true })); })()"#).await.unwrap();
    until(&page, "document.querySelector('.addrman-about').textContent.startsWith('dump.json: 1 new, 0 tried')").await;
    let wrong = page.wrong();
    assert!(wrong.is_empty(), "{wrong:#?}");

    for (scheme, (width, height), name) in [
        ("light", (1_400, 900), "wide-light"),
        ("dark", (1_400, 900), "wide-dark"),
        ("light", (390, 844), "narrow-light"),
        ("dark", (390, 844), "narrow-dark"),
    ] {
        let Some(path) = picture(&format!("addrman-{name}")) else { continue };
        let page = browser.page(width, height).await.unwrap();
        page.prefer(scheme).await.unwrap();
        page.go(&format!(
            "{}#/addrman?color={}",
            running.url,
            if name.starts_with("wide") { "age" } else { "network" }
        ))
        .await
        .unwrap();
        until(&page, "document.querySelectorAll('.addrman-numbers tbody tr').length > 20").await;
        if name.starts_with("wide") {
            let move_to = "(() => { const el = document.querySelector('.addrman-pointer'); const box = el.getBoundingClientRect(); \
                el.dispatchEvent(new PointerEvent('pointermove', { clientX: box.left + 300, clientY: box.top + 200, pointerType: 'mouse', bubbles: true })); })()";
            page.value(move_to).await.unwrap();
        }
        page.value("new Promise((done) => setTimeout(() => done(true), 500))").await.unwrap();
        page.screenshot(&path).await.unwrap();
    }
    running.end().await;
}
