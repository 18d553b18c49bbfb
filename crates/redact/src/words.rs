//! Reduces untrusted text to words of Bitcoin Core's own messages.
//!
//! Of free text the leading words remain, up to a colon or the first that is not in the list below, in place of which stands "…". Where a value is one of a
//! few names, any other becomes "other".

use std::collections::HashSet;
use std::sync::LazyLock;

use event::message_types;
use event::names::{CONNECTION_TYPES, NETWORKS};

/// Words of Bitcoin Core's log lines, warnings and reasons, in lower case: none of them is a name of a person, place or host.
const WORDS: &str = "\
a abort aborted aborting abortprivatebroadcast accept accepted accepting accepttomemorypool activated activating activation active actual \
add added adding addr address addresses addrfetch addrman addrv2 advertising after again all allocated already also an and announce \
announced announcing another any application are as asmap asmapped assumed assumevalid at attempt attempting available background backup bad \
ban bandwidth banlist banned based be because been before begin behind being best better between bip bitcoin bits blk block blockchain \
blockchecked blockconnected blockdisconnected blockfilterindex blockpolicyestimator blocks blocktxn bloom body both broadcast broadcasting \
bucket buckets build building by bytes cache cached caches calculating can cancelled cannot chain chains chainstate chainstates changed \
check checked checking checkpoint checkpoints checks chosen circular clean cleanup client clients closed closing cmpctblock code coin \
coinbase coins collision commit commitment committed compact complete completed completing condition config configuration confirmed conflict \
conflicting conflicts connect connected connecting connection connections consensus consistency contains contents continuous control core \
corrupt corrupted corruption could count create created creating current currently cutoff data database databases date debug decode default \
delete deleted deleting deployment deprecated depth deserialize destination did different difficulty directory disabled discard discarded \
disconnect disconnected disconnecting discouraged discouraging disk dns do does done dos download downloaded downloading downloads drop \
dropped dropping due dump dumped dumping duplicate during each either empty enabled end ended enough enqueuing entire entries entry error \
errors estimate estimates estimating evicted eviction exceeded excessive existing exit exiting expected expired extra extrapool failed \
failure fee feefilter feeler feerate fees fetch file files filter filteradd filterclear filterload filters final find first flush flushed \
flushing for fork found free from full genesis get getaddr getblocks getblocktxn getdata getheaders give given giving good got had handler \
handling handshake has hash hashes have header headers health height high http i2p ibd ignoring immature import imported importing in \
inactivity inbound including incoming incomplete incorrect increase increased index indexes info init initial initialization initialized \
initializing input inputs insufficient internal interrupted inv invalid invalidchainfound ip ipc is it items its keep keeping kernel key \
keys large last least left legacy leveldb limit limited limiting listen listening load loaded loading local locator lock locked log logging \
longer lookup loop low magic malformed manual many map mapped mapping match max maximum may memory mempool mempools merkle message messages \
met migrating min minimum mining minutes misbehaving mismatch missing mocktime mode more moved much must mutated need needed net network \
networks new newer next no node nodes non nonce nonstandard not notfound nothing notification now null number obsolete of off offer offered \
offering offset old on one onion only open opened opening or orphan orphans other our out outbound outgoing output outputs over own package \
packages parent parents partial partiallydownloadedblock past path payload peer peers pending period permissions ping pinning policy pong \
pool port possible potential potentially pow pre premature prematurely preparing presync previous private privatebroadcast process processed \
processing progress proof protocol proxy prune pruned pruning punishing purged purging queue random rate reached read reading reason receive \
received receiving recent reconciliation reconnect reconsidered reconstructed reconstruction refusing regenerating reject rejected rejecting \
rejects relay relayed relaying released remove removed removing renamed reopen replace replaced replacement replacing replay replaying \
request requested requesting requests required requirements rescan rescanning reset response restart restarting restoring resync retrying \
return returned rev rewinding rolling root rpc rules running saved saving saw scan scanning scheduled scheduler script scripts seconds seed \
seeds seen select selected self send sendcmpct sendheaders sending sent sequence server service services session set sets setting short \
shutdown sighash signature signatures sigops since size skip skipping slot slots small snapshot socket soft some source space spend spent \
stale stall stalled stalling standard start started starting startup state status still stop stopped stopping storage store stored success \
successful successfully such supported suppressing synced synchronization syncing system table tables target temporarily temporary than that \
the their them then there these they this thread threads through time timed timeout times tip to too tor torcontrol total traffic \
transaction transactionaddedtomempool transactionremovedfrommempool transactions transport tried try trying tx txid txindex txn txs type \
types unable uncommitted unconfirmed undo unexpected unknown unlinked unloaded unlocked unrequested unsupported until up update updated \
updatedblocktip updates updatetip updating upgrade upgraded upgrading uploaded upnp us usage use used using utxo valid validated validation \
value verack verification verified verify verifying version versions via wait waiting wallet wallets warning was we weight were when which \
while will with within without witness work would write writing written wrong wtxid wtxidrelay you your zmq";

/// Reasons for which Bitcoin Core refuses or removes a transaction or refuses a block; what follows them is dropped.
const REASONS: &str = "\
absurdly-high-fee;bad-blk-length;bad-blk-sigops;bad-cb-amount;bad-cb-height;bad-cb-length;bad-cb-missing;bad-cb-multiple;bad-diffbits;\
bad-fork-prior-to-checkpoint;bad-nonce;bad-prevblk;bad-signet-blksig;bad-txn-mempool-conflict;bad-txn-sigops;bad-txnmrklroot;bad-txns;\
bad-txns-accumulated-fee-outofrange;bad-txns-BIP30;bad-txns-duplicate;bad-txns-fee-negative;bad-txns-fee-outofrange;bad-txns-in-belowout;\
bad-txns-inputs-duplicate;bad-txns-inputs-missingorspent;bad-txns-inputs-too-large;bad-txns-inputvalues-outofrange;bad-txns-nonfinal;\
bad-txns-nonstandard-inputs;bad-txns-oversize;bad-txns-premature-spend-of-coinbase;bad-txns-prevout-null;bad-txns-spends-conflicting-tx;\
bad-txns-too-many-sigops;bad-txns-txouttotal-toolarge;bad-txns-undersize;bad-txns-vin-empty;bad-txns-vout-empty;bad-txns-vout-negative;\
bad-txns-vout-toolarge;bad-version;bad-witness-merkle-match;bad-witness-nonce-size;bad-witness-nonstandard;bare-multisig;block;\
block-script-verify-flag-failed;coinbase;conflict;datacarrier;duplicate;duplicate-invalid;dust;dust-tx-with-nonzero-fee;expiry;high-hash;\
insufficient fee;invalid-ancestor;mandatory-script-verify-flag-failed;mempool full;mempool min fee not met;\
mempool-script-verify-flag-failed;min relay fee not met;missing-ephemeral-spends;missing-inputs;multi-op-return;non-BIP68-final;\
non-final;non-mandatory-script-verify-flag;package-mempool-limits;package-not-sorted;prev-blk-not-found;reconsiderable;reorg;replaced;\
replacement-failed;scriptpubkey;scriptsig-not-pushonly;scriptsig-size;sizelimit;time-too-new;time-too-old;\
too many potential replacements;too-long-mempool-chain;TRUC-violation;tx-size;tx-size-small;txn-already-in-mempool;txn-already-known;\
txn-mempool-conflict;txn-same-nonwitness-data-in-mempool;unexpected-witness;unknown;unusual-version;Valid;version;witness-malleated";

static KNOWN: LazyLock<HashSet<&'static str>> = LazyLock::new(|| WORDS.split_ascii_whitespace().collect());

/// Words of free text that are kept at most.
const MAX_WORDS: usize = 24;

/// The leading words of a text that are known. What follows a colon may be a peer's, which can choose among the known words: a user agent
/// after "receive version message:".
pub(super) fn text(text: &str) -> String {
    let mut out = String::new();
    let words = text.split(|c: char| c.is_ascii_whitespace()).filter(|word| !word.is_empty());
    for (index, word) in words.enumerate() {
        let ends = out.ends_with(':');
        if !out.is_empty() {
            out.push(' ');
        }
        let bare = word.trim_end_matches([',', ':', ';', '.', '!']);
        if ends || index >= MAX_WORDS || word.len() - bare.len() > 1 || !is_word(bare) {
            out.push('…');
            break;
        }
        out.push_str(&word.to_ascii_lowercase());
    }
    out
}

fn is_word(word: &str) -> bool {
    word.len() <= 32 && KNOWN.contains(word.to_ascii_lowercase().as_str())
}

/// A reason of Bitcoin Core's for refusing a transaction or block, without what follows it; "other" if it is none.
pub(super) fn reason(text: &str) -> String {
    let fits = |known: &&str| {
        text.strip_prefix(*known).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '-'))
    };
    match REASONS.split(';').filter(fits).max_by_key(|known| known.len()) {
        _ if text.is_empty() => String::new(),
        Some(known) => known.to_owned(),
        None => "other".to_owned(),
    }
}

/// A name that is one of a few.
pub(super) fn one_of(name: &str, names: &[&'static str]) -> &'static str {
    names.iter().find(|known| **known == name).copied().unwrap_or(if name.is_empty() { "" } else { "other" })
}

/// What stands for any other type.
pub(super) const UNKNOWN_TYPE: &str = "unknown";

/// What stands for several types in Bitcoin Core's statistics.
pub(super) const OTHER_TYPES: &str = "*other*";

/// A type that is known.
pub(super) fn known_type(name: &str) -> Option<&'static str> {
    match message_types::find(name) {
        Some(known) => Some(known.name),
        None => [UNKNOWN_TYPE, OTHER_TYPES].into_iter().find(|known| *known == name),
    }
}

/// The type of a P2P message, if it is known.
pub(super) fn message_type(name: &str) -> &'static str {
    if name.is_empty() { "" } else { known_type(name).unwrap_or(UNKNOWN_TYPE) }
}

/// The node's name of a type of connections, if it is known.
pub(super) fn connection_type(name: Option<&str>) -> Option<String> {
    name.map(|name| one_of(name, &CONNECTION_TYPES).to_owned())
}

/// Whether Bitcoin Core calls a network so, or all of them together.
pub(super) fn is_network(name: &str) -> bool {
    NETWORKS.contains(&name) || name == "all_networks"
}

/// The name of a network; "other" if it is none.
pub(super) fn network(name: &str) -> String {
    if name.is_empty() || is_network(name) { name.to_owned() } else { "other".to_owned() }
}

/// Permissions of peers.
pub(super) const PERMISSIONS: [&str; 8] =
    ["bloomfilter", "relay", "forcerelay", "download", "noban", "mempool", "addr", "all"];

/// Transports of connections.
pub(super) const TRANSPORTS: [&str; 3] = ["v1", "v2", "detecting"];

/// Chains.
pub(super) const CHAINS: [&str; 5] = ["main", "test", "testnet4", "signet", "regtest"];

/// Categories of debug.log.
pub(super) const CATEGORIES: [&str; 37] = [
    "all",
    "none",
    "net",
    "tor",
    "mempool",
    "http",
    "bench",
    "zmq",
    "walletdb",
    "rpc",
    "estimatefee",
    "addrman",
    "selectcoins",
    "reindex",
    "cmpctblock",
    "rand",
    "prune",
    "proxy",
    "mempoolrej",
    "libevent",
    "coindb",
    "qt",
    "leveldb",
    "validation",
    "i2p",
    "ipc",
    "lock",
    "blockstorage",
    "txreconciliation",
    "scan",
    "txpackages",
    "kernel",
    "mining",
    "privatebroadcast",
    "txrelay",
    "dandelion",
    "util",
];

/// Threads, without the number of those of a pool and without the prefix "b-".
const THREADS: [&str; 30] = [
    "msghand",
    "net",
    "addcon",
    "opencon",
    "torcontrol",
    "i2paccept",
    "scheduler",
    "init",
    "shutoff",
    "dnsseed",
    "mapport",
    "loadblk",
    "initload",
    "httpworker",
    "http",
    "scriptch",
    "qt-init",
    "qt-rpcconsole",
    "unknown",
    "bitcoind",
    "bitcoin-node",
    "main",
    "privbcast",
    "capnp-loop",
    "ipc",
    "txindex",
    "coinstatsindex",
    "basic block filter index",
    "rpcworker",
    "(ended)",
];

/// The name of a thread, without its number.
pub(super) fn thread(name: &str) -> String {
    let (prefix, bare) = name.strip_prefix("b-").map_or(("", name), |bare| ("b-", bare));
    let pool = bare.split_once('.').filter(|(_, number)| number.parse::<u16>().is_ok());
    let bare = pool.map_or(bare, |(pool, _)| pool);
    // The operating system cuts names after 15 bytes.
    let cut = name.len() == 15 && THREADS.iter().any(|known| known.starts_with(bare));
    match THREADS.iter().find(|known| **known == bare) {
        Some(known) => format!("{prefix}{known}"),
        None if name.is_empty() || cut => name.to_owned(),
        None => "(other)".to_owned(),
    }
}
