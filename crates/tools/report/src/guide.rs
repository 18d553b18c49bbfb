//! What a reader can do: about each detector what its catalogue says, and about each family the next step.

/// A detector, as its catalogue (docs/detectors.md) has it.
#[derive(Clone, Debug, Default)]
pub struct Guide {
    /// Its name.
    pub name: &'static str,
    /// What it finds, in a few words.
    pub title: &'static str,
    /// What it sees, and by which rule.
    pub sees: &'static str,
    /// What it cannot see, and what it may take for an attack.
    pub misses: &'static str,
    /// Names of its parameters, with what each is.
    pub parameters: Vec<(&'static str, &'static str)>,
}

/// What can be done next about what the detectors of a family find.
pub(crate) fn next(family: &str) -> &'static str {
    match family {
        "addresses" => {
            "The node takes one address in ten seconds from each peer, so a flood fills its address manager slowly. If it \
             goes on, ban the peers. The connectivity check (docs/connectivity.md) tells whether anybody is at the addresses."
        }
        "blocks" => {
            "Compare the chain of this node with others: `bitcoin-cli getchaintips` lists the branches that it knows. A peer \
             that sends what is invalid is disconnected by the node itself."
        }
        "connections" => {
            "Look at the share of inbound connections that are left (`bitcoin-cli getnetworkinfo`). The node protects some \
             peers from eviction. If others find no slot, ban the networks, or raise -maxconnections."
        }
        "eclipse" => {
            "Do not rely on what this node alone shows until it is over. Compare its tip with that of other nodes, and add a \
             peer that you trust: `bitcoin-cli addnode ADDRESS onetry`."
        }
        "instrument" => {
            "Until it is over, other alerts may be missing. `peer-observer doctor` finds what keeps it from seeing the node."
        }
        "load" => {
            "Look which messages and peers take the time (docs/metrics.md, docs/top.md). What one peer causes ends with a ban; \
             what all cause is the load of the network."
        }
        "log" => "Read debug.log around that time. Check the disk and the clock of the machine.",
        "mempool" => {
            "Look what the transactions pay (`bitcoin-cli getmempoolinfo`), and whether one peer brings them. The node bounds \
             the memory that they take."
        }
        "protocol" => {
            "Many who break the protocol are faulty programs: look at the user agent before you ban, and inform those who \
             write it."
        }
        "spies" => {
            "Who only listens learns where transactions come from. A ban keeps it away until it moves. Those who keep lists \
             for others want the networks with the evidence."
        }
        "statistical" => {
            "Something is other than usual, and no rule says what that means. Look at the same figure on the dashboards, and \
             at what else began then."
        }
        _ => "The catalogue of detectors (docs/detectors.md) says what this one sees.",
    }
}
