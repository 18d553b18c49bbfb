//! Which of Bitcoin Core's tracepoints the node's program has, and whether they can be followed.

use std::collections::BTreeSet;
use std::path::PathBuf;

use extractor_ebpf::{Selection, Tracepoint, tracepoints_of};
use node::Located;

use super::report::{Check, Remedy, State, TRACEPOINTS};

/// `followable`: kernel and privileges allow it.
pub fn check(located: &Located, followable: bool) -> Check {
    // The running program, which after an upgrade is another than the file of its name.
    let running = located.pid.map(|pid| PathBuf::from(format!("/proc/{pid}/exe")));
    let paths: Vec<_> = running.into_iter().chain(located.binary.clone()).collect();
    let shown = located.binary.as_ref().or(paths.first());
    let Some(shown) = shown.map(|path| path.display().to_string()) else {
        return Check::new(TRACEPOINTS, State::Missing, "the node is not running, so its program is not known")
            .remedy(Remedy::new("start the node"));
    };
    let mut result = Err("there is no such file".to_owned());
    for path in &paths {
        result = tracepoints_of(path).map_err(|error| error.to_string());
        if result.is_ok() {
            break;
        }
    }
    match result {
        Ok(found) => judge(&found, &shown, followable),
        Err(reason) => {
            let owner = located.owner.as_deref().unwrap_or("root");
            let who = if owner == "root" { "root".to_owned() } else { format!("user {owner} or root") };
            let advice = format!("if that is a matter of permissions, run as {who}:");
            Check::new(TRACEPOINTS, State::Missing, format!("cannot read {shown}: {reason}"))
                .remedy(Remedy::new(advice).line(format!("sudo -u {owner} peer-observer doctor")))
        }
    }
}

/// What the tracepoints `found` in the program are good for.
fn judge(found: &BTreeSet<String>, program: &str, followable: bool) -> Check {
    let (there, lacking): (Vec<_>, Vec<_>) =
        Selection::default().iter().filter(matters).partition(|tracepoint| found.contains(tracepoint.name()));
    if there.is_empty() {
        let what = format!("none are compiled into {program}, so that extractor ebpf has nothing to follow");
        return Check::new(TRACEPOINTS, State::Missing, what).remedy(
            Remedy::new("run a release of Bitcoin Core from bitcoincore.org, or build the node with them:")
                .line("cmake -B build -DWITH_USDT=ON"),
        );
    }
    let mut check = if lacking.is_empty() {
        let what = format!("all {} that matter are compiled in ({} altogether)", there.len(), found.len());
        Check::new(TRACEPOINTS, State::Ok, what)
    } else {
        let names: Vec<_> = lacking.iter().map(|tracepoint| tracepoint.name()).collect();
        let all = there.len() + lacking.len();
        let what = format!("{} of {all} are compiled in; missing: {}", there.len(), names.join(", "));
        Check::new(TRACEPOINTS, State::Limited, what)
            .remedy(Remedy::new("upgrade the node: newer versions have more of them"))
    };
    if !followable {
        check.state = State::Limited;
        check.what += "; extractor ebpf cannot follow them yet, see eBPF below";
    }
    check
}

/// What flushes of the coins' cache tell is dispensable, and no release has what is only proposed.
fn matters(tracepoint: &Tracepoint) -> bool {
    *tracepoint != Tracepoint::UtxocacheFlush && !tracepoint.is_proposed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_they_are_good_for() {
        let judge = |found: &BTreeSet<String>| judge(found, "/usr/bin/bitcoind", true);
        let all: BTreeSet<_> = Selection::default().iter().map(|tracepoint| tracepoint.name().to_owned()).collect();
        assert_eq!(judge(&all).state, State::Ok);
        let without_flush = all.iter().filter(|name| *name != "utxocache:flush").cloned().collect();
        assert_eq!(judge(&without_flush).state, State::Ok);
        let some = all.iter().filter(|name| !name.starts_with("mempool:")).cloned().collect();
        let check = judge(&some);
        assert!(check.state == State::Limited && check.what.contains("8 of 12"), "{check:?}");
        assert!(check.what.contains("mempool:removed"), "{check:?}");
        let none = judge(&BTreeSet::new());
        assert!(none.state == State::Missing && none.what.contains("/usr/bin/bitcoind"), "{none:?}");
        assert!(none.remedies[0].lines[0].contains("-DWITH_USDT=ON"), "{none:?}");

        let check = super::judge(&all, "it", false);
        assert!(check.state == State::Limited && check.what.ends_with("see eBPF below"), "{check:?}");
    }
}
