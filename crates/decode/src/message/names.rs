//! How addresses are written, as UTF-8 at the end of a buffer.

use std::cell::RefCell;
use std::io::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

use event::overlay;

/// As std displays it, without its formatter.
pub(super) fn ipv4(out: &mut Vec<u8>, address: Ipv4Addr) {
    let [a, b, c, d] = address.octets();
    decimal(out, a);
    for octet in [b, c, d] {
        out.push(b'.');
        decimal(out, octet);
    }
}

fn decimal(out: &mut Vec<u8>, octet: u8) {
    if octet >= 100 {
        out.push(b'0' + octet / 100);
    }
    if octet >= 10 {
        out.push(b'0' + octet / 10 % 10);
    }
    out.push(b'0' + octet % 10);
}

/// As std displays it, without its formatter.
pub(super) fn ipv6(out: &mut Vec<u8>, address: Ipv6Addr) {
    if address.to_ipv4_mapped().is_some() {
        let _ = write!(out, "{address}");
        return;
    }
    let segments = address.segments();
    let (start, end) = longest_zeros(segments);
    for (index, segment) in segments.into_iter().enumerate() {
        if index == start && end > start {
            out.extend_from_slice(b"::");
        } else if index < start || index >= end {
            if index != 0 && index != end {
                out.push(b':');
            }
            hexadecimal(out, segment);
        }
    }
}

/// Where the first of the longest runs of two or more zeros begins and ends; `(8, 8)` if there is none.
fn longest_zeros(segments: [u16; 8]) -> (usize, usize) {
    let (mut longest, mut run) = ((8, 8), 0);
    for (index, segment) in segments.into_iter().enumerate() {
        run = if segment == 0 { run + 1 } else { 0 };
        if run > 1 && run > longest.1 - longest.0 {
            longest = (index + 1 - run, index + 1);
        }
    }
    longest
}

fn hexadecimal(out: &mut Vec<u8>, segment: u16) {
    let digits = (19 - (segment | 1).leading_zeros()) / 4;
    for digit in (0..digits).rev() {
        let digit = (segment >> (4 * digit)) as u8 & 0xf;
        out.push(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 });
    }
}

/// The base32 of a key of Tor's version 2.
pub(super) fn torv2(out: &mut Vec<u8>, key: &[u8; 10]) {
    overlay::push_base32(out, key);
    out.extend_from_slice(b".onion");
}

/// The full name.
pub(super) fn torv3(out: &mut Vec<u8>, key: &[u8; 32]) {
    let name = NAMES.with_borrow_mut(|names| names.of(key));
    overlay::push_base32(out, &name);
    out.extend_from_slice(b".onion");
}

thread_local! {
    static NAMES: RefCell<Names> = const { RefCell::new(Names(Vec::new())) };
}

/// Names of Tor's version 3 that were made last: peers gossip the same ones again and again, and a checksum takes as long as all else of a message. They
/// are found by bits of their keys, which whoever chooses them can make equal; then they are made anew.
struct Names(Vec<[Option<TorV3>; 2]>);

/// Key, checksum and version.
type TorV3 = [u8; 35];

impl Names {
    /// Places of two names each; about 600 kB.
    const PLACES: usize = 8192;

    fn of(&mut self, key: &[u8; 32]) -> TorV3 {
        if self.0.is_empty() {
            self.0.resize(Self::PLACES, [None; 2]);
        }
        let [a, b, ..] = *key;
        let place = usize::from(u16::from_le_bytes([a, b])) % Self::PLACES;
        let Some(known) = self.0.get_mut(place) else { return overlay::torv3(key) };
        if let Some(name) = known.iter().flatten().find(|name| name.starts_with(key)) {
            return *name;
        }
        let name = overlay::torv3(key);
        let [newest, _] = *known;
        *known = [Some(name), newest];
        name
    }
}

/// The name by the hash of a destination (I2P's naming specification).
pub(super) fn i2p(out: &mut Vec<u8>, hash: &[u8; 32]) {
    overlay::push_base32(out, hash);
    out.extend_from_slice(b".b32.i2p");
}
