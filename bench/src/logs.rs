//! Logs of nodes, made up or as they are, to be read by benchmarks.

use std::fmt::Write;

/// A log of this many lines, the same each time.
pub fn generate(lines: usize) -> String {
    let mut log = String::with_capacity(lines * 160);
    let mut random = Random(0x5eed);
    let mut micros = 0;
    for line in 0..lines {
        micros += random.below(2000);
        let (minute, second) = (micros / 60_000_000, micros / 1_000_000 % 60);
        let (hour, minute, micro) = (minute / 60 % 24, minute % 60, micros % 1_000_000);
        let _ = write!(log, "2026-06-23T{hour:02}:{minute:02}:{second:02}.{micro:06}Z ");
        let _ = message(&mut log, &mut random, line);
        log.push('\n');
    }
    log
}

/// Writes a random line without its time. The shares are those of a node with 125 peers at the tip of the chain.
fn message(log: &mut String, random: &mut Random, line: usize) -> std::fmt::Result {
    let peer = random.below(125);
    let size = 30 + random.below(2000);
    let a = random.hash();
    let b = random.hash();
    match random.below(1000) {
        0..200 => write!(log, "[msghand] [net] received: inv ({size} bytes) peer={peer}"),
        200..380 => write!(log, "[msghand] [net] got inv: wtx {a}  have peer={peer}"),
        380..500 => write!(log, "[msghand] [net] sending inv ({size} bytes) peer={peer}"),
        500..530 => write!(log, "[msghand] [net] Requesting wtx {a} peer={peer}"),
        530..550 => write!(log, "[msghand] [net] received: tx ({size} bytes) peer={peer}"),
        550..590 => write!(log, "[msghand] [net] sending tx ({size} bytes) peer={peer}"),
        590..620 => write!(log, "[msghand] [net] received getdata for: wtx {a} peer={peer}"),
        620..640 => write!(log, "[msghand] [net] received: pong (8 bytes) peer={peer}"),
        640..660 => write!(log, "[msghand] [validation] Enqueuing TransactionAddedToMempool: txid={a} wtxid={b}"),
        660..680 => write!(log, "[scheduler] [validation] TransactionAddedToMempool: txid={a} wtxid={b}"),
        680..700 => {
            write!(log, "[scheduler] [validation] TransactionRemovedFromMempool: txid={a} wtxid={b} reason=replaced")
        }
        700..740 => write!(
            log,
            "[msghand] [mempool] AcceptToMemoryPool: peer={peer}: accepted {a} (wtxid={b}) (poolsz {size} txn, {line} kB)"
        ),
        740..760 => write!(
            log,
            "[msghand] [mempoolrej] {a} (wtxid={b}) from peer={peer} was not accepted: txn-mempool-conflict"
        ),
        760..800 => write!(log, "[msghand] [addrman] Added 192.0.2.{peer}:8333 to new[{peer}][{}]", size % 64),
        800..810 => write!(log, "[opencon] [addrman] Selected 192.0.2.{peer}:8333 from tried"),
        810..820 => {
            write!(log, "[msghand] [net] Received addr: 10 addresses (9 processed, 1 rate-limited) from peer={peer}")
        }
        820..840 => {
            write!(log, "[msghand] [addrman] Added 3 addresses (of 10) from 192.0.2.{peer}: 8000 tried, 50000 new")
        }
        840..855 => write!(log, "[net] [net] connection from 198.51.100.{peer}:{} accepted", 30_000 + size),
        855..860 => write!(log, "[net] [net] socket closed, disconnecting peer={peer}"),
        860..865 => write!(log, "[net] [net] Resetting socket for peer={peer}"),
        865..870 => write!(log, "[msghand] [net] ping timeout: 1200.{size:06}s, disconnecting peer={peer}"),
        870..880 => write!(
            log,
            "[msghand] [net] New inbound peer connected: transport: v2, version: 70016, peer={peer}, peeraddr=192.0.2.5:5"
        ),
        880..890 => write!(
            log,
            "[msghand] [net] receive version message: /Satoshi:29.0.0/: version 70016, blocks=900000, us=192.0.2.1:8333, txrelay=1, peer={peer}"
        ),
        890..930 => write!(log, "[http] [http] Received a POST request for / from 127.0.0.1:{}", 30_000 + size),
        930..950 => write!(log, "[httpworker.{}] [rpc] ThreadRPCServer method=getpeerinfo user=__cookie__", peer % 16),
        950..975 => {
            write!(log, "[msghand] [bench]     - Connect {size} transactions: {size}.12ms (0.005ms/tx, 0.002ms/txin)")
        }
        975..985 => write!(log, "[scheduler] [estimatefee] Blockpolicy estimates updated by 5 of {size} block txs"),
        985..988 => write!(log, "[msghand] Saw new cmpctblock header hash={a} height={line} peer={peer}"),
        988..991 => write!(
            log,
            "[msghand] [cmpctblock] Successfully reconstructed block {a} with 1 txn prefilled, {size} txn from mempool (incl at least 2 from extra pool) and 3 txn (1410 bytes) requested"
        ),
        991..994 => write!(log, "[msghand] [validation] BlockChecked: block hash={a} state=Valid"),
        994..997 => write!(log, "[scheduler] [validation] BlockConnected: block hash={a} block height={line}"),
        _ => write!(
            log,
            "[msghand] UpdateTip: new best={a} height={line} version=0x2a000000 log2_work=94.850493 tx=991242373 date='2026-06-23T16:19:13Z' progress=0.999998 cache=291.6MiB(2106354txo)"
        ),
    }
}

/// The length of a transaction's or block's hash as text.
const HASH: usize = 64;

/// Appends a log again, as if it had gone on in the same way: an hour later for each round, and with other hashes. Lines whose time is not at their
/// beginning stay as they are.
pub fn vary(log: &str, round: u64, out: &mut String) {
    let key = Random(round).next();
    let (day, hour) = (1 + round / 24 % 28, round % 24);
    for line in log.lines() {
        let line = match line.get(13..) {
            Some(rest) if line.starts_with("20") && rest.starts_with(':') => {
                let _ = write!(out, "2026-06-{day:02}T{hour:02}");
                rest
            }
            _ => line,
        };
        let mut copied = 0;
        let mut digits = 0;
        for (at, byte) in line.bytes().chain([b' ']).enumerate() {
            if byte.is_ascii_hexdigit() {
                digits += 1;
                continue;
            }
            if digits == HASH {
                out.push_str(line.get(copied..at - HASH).unwrap_or_default());
                // The same hash becomes the same other one.
                let hash = line.get(at - HASH..at).unwrap_or_default();
                let seed = u64::from_str_radix(hash.get(..16).unwrap_or_default(), 16).unwrap_or_default();
                out.push_str(&Random(seed ^ key).hash());
                copied = at;
            }
            digits = 0;
        }
        out.push_str(line.get(copied..).unwrap_or_default());
        out.push('\n');
    }
}

/// SplitMix64: random numbers that are the same each time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn hash(&mut self) -> String {
        format!("{:016x}{:016x}{:016x}{:016x}", self.next(), self.next(), self.next(), self.next())
    }
}
