//! Events of our own P2P connection.

use std::fmt::{self, Formatter};
use std::time::Duration;

use super::{Look, MAGENTA, list, message};
use crate::pb::p2p_extractor::Way;
use crate::pb::p2p_extractor::p2p::P2pEvent;
use crate::quote::{HashText, HexText, Plain, Quoted};

/// Bytes of a feature's data that are shown.
const SHOWN_BYTES: usize = 32;

pub(super) fn line(f: &mut Formatter, look: Look, event: &P2pEvent) -> fmt::Result {
    write!(f, "{} ", look.mark(MAGENTA, "p2p"))?;
    match event {
        P2pEvent::PingDuration(ping) => write!(f, "pong after {:.3} ms", millis(ping.duration)),
        P2pEvent::AddressAnnouncement(announcement) => message::addresses(f, &announcement.addresses),
        P2pEvent::InventoryAnnouncement(announcement) => {
            f.write_str("inv ")?;
            message::inventory(f, &announcement.inventory)
        }
        P2pEvent::FeefilterAnnouncement(fee) => write!(f, "feefilter {fee} sat/kvB"),
        P2pEvent::ConnectionExpected(expected) => {
            write!(f, "connection expected, {}", way(expected.way()))?;
            address(f, expected.our_address.as_deref())
        }
        P2pEvent::ConnectionOpened(opened) => {
            write!(f, "connection opened, {}", way(opened.way()))?;
            address(f, opened.our_address.as_deref())?;
            write!(f, ", node {}, transport {}", Plain(&opened.node_address), Plain(&opened.transport))
        }
        P2pEvent::ConnectionEnded(ended) => {
            let seconds = Duration::from_nanos(ended.duration_ns).as_secs();
            write!(f, "connection ended after {seconds} s: {}", Plain(&ended.reason))
        }
        P2pEvent::MessageSeen(seen) => {
            let arrow = if seen.sent { "-->" } else { "<--" };
            write!(f, "{arrow} {:<11} {:>7} B", Plain(&seen.message_type).to_string(), seen.size)
        }
        P2pEvent::NodeVersion(version) => {
            let what = if version.changed { "version is now" } else { "version" };
            write!(f, "{what} {} {}", version.version, Quoted(&version.user_agent))?;
            write!(f, " services={:x} height={}", version.services, version.start_height)?;
            write!(f, " relay={} clock {:+} s", version.relay, version.clock_offset)
        }
        P2pEvent::OwnAddress(own) => {
            f.write_str("the node announces itself: ")?;
            message::addresses(f, std::slice::from_ref(&own.address))
        }
        P2pEvent::BlockAnnouncement(block) => {
            write!(f, "block {} announced by {}", HashText(&block.block_hash), Plain(&block.message_type))?;
            block.height.map_or(Ok(()), |height| write!(f, ", height {height}"))
        }
        P2pEvent::BlockServed(block) => {
            write!(f, "block {} served {:.3} ms", HashText(&block.block_hash), millis(block.duration_ns))?;
            f.write_str(" after its announcement")
        }
        P2pEvent::DataRequest(request) => {
            write!(f, "asked by {}", Plain(&request.message_type))?;
            if request.inventory.is_empty() {
                return Ok(());
            }
            f.write_str(" for ")?;
            message::inventory(f, &request.inventory)
        }
        P2pEvent::FeatureOffered(feature) => {
            write!(f, "feature {} ", Quoted(&feature.feature_id))?;
            write!(f, "{}", HexText { bytes: &feature.data, max: SHOWN_BYTES })
        }
        P2pEvent::StaleTips(tips) => {
            write!(f, "stale tip, fork point {}", HashText(&tips.fork_point))?;
            write!(
                f,
                ", {} blocks, data {}:",
                tips.block_hashes.len(),
                if tips.have_block { "there" } else { "missing" }
            )?;
            list(f, &tips.block_hashes, |f, hash| write!(f, "{}", HashText(hash)))
        }
    }
}

fn millis(ns: u64) -> f64 {
    Duration::from_nanos(ns).as_secs_f64() * 1000.0
}

fn way(way: Way) -> &'static str {
    match way {
        Way::Listening => "listening",
        Way::Dialling => "dialling",
    }
}

fn address(f: &mut Formatter, address: Option<&str>) -> fmt::Result {
    address.map_or(Ok(()), |address| write!(f, " at {}", Plain(address)))
}
