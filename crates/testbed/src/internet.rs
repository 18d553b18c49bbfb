//! An internet of one's own: a network namespace in which every address is this machine, so that peers may come from any, and nothing that a
//! node connects to is anywhere else.

use std::env;
use std::net::Ipv4Addr;
use std::ops::RangeInclusive;
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Set in the program that runs inside.
const INSIDE: &str = "TESTBED_INTERNET";

/// All addresses are local ones; those of IPv6 can also be bound to.
const SET_UP: &str = "ip link set lo up && ip route add local 0.0.0.0/0 dev lo && ip -6 route add local ::/0 dev lo \
                      && echo 1 > /proc/sys/net/ipv6/ip_nonlocal_bind && exec \"$0\" \"$@\"";

/// Whether this program runs in an internet of its own.
pub fn is_internet() -> bool {
    env::var_os(INSIDE).is_some()
}

/// Whether a program can have an internet of its own here.
///
/// # Errors
/// It cannot: what is missing.
pub fn possible() -> Result<()> {
    let tried = Command::new("unshare").args(["--net", "--", "sh", "-c", SET_UP, "true"]).output();
    let tried = tried.context("cannot run unshare, of util-linux")?;
    let why = String::from_utf8_lossy(&tried.stderr);
    ensure!(tried.status.success(), "no network namespace can be made here, which takes root: {}", why.trim());
    Ok(())
}

/// Begins the program anew in an internet of its own, unless it runs in one already. To be called first in `main`.
///
/// # Errors
/// It may not (it takes root, or CAP_SYS_ADMIN and CAP_NET_ADMIN), or unshare (util-linux) is missing.
pub fn enter_internet() -> Result<()> {
    if is_internet() {
        return Ok(());
    }
    let mut command = Command::new("unshare");
    command.args(["--net", "--", "sh", "-c", SET_UP]).arg(env::current_exe()?).args(env::args_os().skip(1));
    Err(command.env(INSIDE, "1").exec()).context("cannot run unshare, of util-linux")
}

/// The number of the autonomous system that addresses of IPv4 with this first byte are in, by [`asmap`].
pub fn asn_of(ip: Ipv4Addr) -> u32 {
    let [first, ..] = ip.octets();
    60_000 + u32::from(first)
}

/// A map of autonomous systems as `bitcoind -asmap` takes it: each /8 of IPv4 is one, see [`asn_of`]; IPv6 is in none.
pub fn asmap() -> Vec<u8> {
    let mut bits = Vec::new();
    // ::ffff:0:0/96, eight bits at a time: what does not match is in no system.
    for byte in [0_u32; 10].into_iter().chain([0xff; 2]) {
        bits.extend([true, true, false]);
        number(&mut bits, 0x100 + byte - 2, 1..=8);
    }
    bits.extend(first_byte(0, 8));
    bits.chunks(8).map(|bits| bits.iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(*bit))).collect()
}

/// The code for addresses of whose first byte `left` bits are to be read yet.
fn first_byte(read: u32, left: u32) -> Vec<bool> {
    let Some(left) = left.checked_sub(1) else {
        let mut bits = vec![false];
        number(&mut bits, 60_000 + read - 1, 15..=24);
        return bits;
    };
    let (zero, one) = (first_byte(read << 1, left), first_byte(read << 1 | 1, left));
    let mut bits = vec![true, false];
    number(&mut bits, u32::try_from(zero.len()).unwrap_or(u32::MAX).saturating_sub(17), 5..=30);
    bits.into_iter().chain(zero).chain(one).collect()
}

/// A number: for each class that is too small for what is left of it a 1, then a 0 unless it is the last class, and the class's bits.
fn number(bits: &mut Vec<bool>, mut value: u32, classes: RangeInclusive<u32>) {
    let last = *classes.end();
    for class in classes {
        if value >> class == 0 || class == last {
            bits.extend((class != last).then_some(false));
            bits.extend((0..class).rev().map(|bit| value >> bit & 1 == 1));
            return;
        }
        bits.push(true);
        value -= 1 << class;
    }
}
