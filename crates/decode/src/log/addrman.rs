//! The address manager: `src/addrman.cpp`.

use event::pb::log_extractor::log::LogEvent;
use event::pb::log_extractor::{AddrmanAction, AddrmanAdded, AddrmanChange, AddrmanSelected};

use super::Rule;
use super::scan::{Scan, lossy};

pub(super) const RULES: &[Rule] = &[
    Rule::new("Added ", added),
    Rule::new("Moved ", moved),
    Rule::new("Removed ", removed),
    Rule::new("Collision with ", collision),
    Rule::new("Replacing ", |scan| replaced(scan, " in tried table")),
    Rule::new("Selected ", selected),
    Rule::new("Unable to test; replacing ", |scan| replaced(scan, " in tried table anyway")),
];

/// `192.0.2.1:8333 mapped to AS64500 to new[5][7]`, or `5 addresses (of 9) from 192.0.2.1: 2 tried, 5 new`
fn added(mut scan: Scan) -> Option<LogEvent> {
    let mut batch = scan;
    if let Some(added) = batch.number()
        && batch.skips(" addresses (of ")
    {
        return addresses(batch, added);
    }
    let mut change = change(AddrmanAction::AddedToNew, &mut scan)?;
    into(&mut scan, " to new", &mut change)?;
    finish(scan, change)
}

/// `9) from 192.0.2.1: 2 tried, 5 new`
fn addresses(mut scan: Scan, added: u32) -> Option<LogEvent> {
    let total = scan.number()?;
    scan.skip(") from ")?;
    // An address without port, which may end in colons of its own.
    let source = lossy(scan.until(": ")?);
    let tried = scan.number()?;
    scan.skip(" tried, ")?;
    let new = scan.number()?;
    scan.skip(" new")?;
    scan.end()?;
    Some(LogEvent::AddrmanAdded(AddrmanAdded { added, total, source, tried, new }))
}

/// `192.0.2.1:8333 mapped to AS64500 to tried[5][7]`, or
/// `192.0.2.1:8333 from tried[5][7] to new[9][1] to make space`
fn moved(mut scan: Scan) -> Option<LogEvent> {
    let mut change = change(AddrmanAction::MovedToTried, &mut scan)?;
    if scan.0.starts_with(b" from tried[") {
        into(&mut scan, " from tried", &mut change)?;
        into(&mut scan, " to new", &mut change)?;
        scan.skip(" to make space")?;
        change.action = AddrmanAction::MovedToNew.into();
    } else {
        into(&mut scan, " to tried", &mut change)?;
    }
    finish(scan, change)
}

/// `192.0.2.1:8333 from new[5][7]`
fn removed(mut scan: Scan) -> Option<LogEvent> {
    let mut change = change(AddrmanAction::RemovedFromNew, &mut scan)?;
    into(&mut scan, " from new", &mut change)?;
    finish(scan, change)
}

/// `192.0.2.1:8333 while attempting to move 192.0.2.2:8333 to tried table. Collisions=3`;
/// where the node does not know the first one any more, it is missing, or `<unknown-addr>` (v32).
fn collision(mut scan: Scan) -> Option<LogEvent> {
    let other = scan.until(" while attempting to move ")?;
    let mut change = change(AddrmanAction::Collision, &mut scan)?;
    change.other_addr = (!matches!(other, b"" | b"<unknown-addr>")).then(|| lossy(other));
    scan.skip(" to tried table. Collisions=")?;
    scan.number::<u64>()?;
    finish(scan, change)
}

/// `192.0.2.1:8333 with 192.0.2.2:8333 in tried table`
fn replaced(mut scan: Scan, end: &str) -> Option<LogEvent> {
    let old = scan.addr()?;
    scan.skip(" with ")?;
    let mut change = change(AddrmanAction::ReplacedInTried, &mut scan)?;
    change.other_addr = Some(old);
    scan.skip(end)?;
    finish(scan, change)
}

/// `192.0.2.1:8333 from tried`
fn selected(mut scan: Scan) -> Option<LogEvent> {
    let addr = scan.addr()?;
    let tried = match scan.0 {
        b" from tried" => true,
        b" from new" => false,
        _ => return None,
    };
    Some(LogEvent::AddrmanSelected(AddrmanSelected { addr, tried }))
}

/// Reads an address, and its AS where the node logs it.
fn change(action: AddrmanAction, scan: &mut Scan) -> Option<AddrmanChange> {
    let addr = scan.addr()?;
    let mapped_as = if scan.skips(" mapped to AS") { Some(scan.number()?) } else { None };
    Some(AddrmanChange { action: action.into(), addr, mapped_as, ..AddrmanChange::default() })
}

/// Reads bucket and position in a table: ` to new[5][7]`.
fn into(scan: &mut Scan, table: &str, change: &mut AddrmanChange) -> Option<()> {
    scan.skip(table)?;
    scan.skip("[")?;
    change.bucket = Some(scan.number()?);
    scan.skip("][")?;
    change.position = Some(scan.number()?);
    scan.skip("]")
}

fn finish(scan: Scan, change: AddrmanChange) -> Option<LogEvent> {
    scan.end()?;
    Some(LogEvent::AddrmanChange(change))
}
