// @ts-check
// Names of Bitcoin Core's, in the order in which pages list them.

/** Connection types. All but the first are outbound. */
export const CONNECTION_TYPES = [
    "inbound",
    "outbound-full-relay",
    "block-relay-only",
    "manual",
    "addr-fetch",
    "feeler",
    "private-broadcast",
];

/** Networks. */
export const NETWORKS = ["ipv4", "ipv6", "onion", "i2p", "cjdns", "not_publicly_routable"];

/**
 * Types of P2P messages by what they are about.
 * @type {[family: string, messageTypes: string[]][]}
 */
export const MESSAGE_FAMILIES = [
    ["Transactions", ["inv", "getdata", "tx", "notfound", "mempool", "sendtxrcncl", "reqtxrcncl"]],
    ["Addresses", ["addr", "addrv2", "getaddr", "sendaddrv2"]],
    ["Blocks", ["block", "cmpctblock", "getblocktxn", "blocktxn", "sendcmpct", "getblocks", "merkleblock"]],
    ["Headers", ["headers", "getheaders", "sendheaders"]],
    ["Pings", ["ping", "pong"]],
    ["Handshake, fees", ["version", "verack", "wtxidrelay", "feefilter"]],
    [
        "Filters",
        [
            "filterload",
            "filteradd",
            "filterclear",
            "getcfilters",
            "cfilter",
            "getcfheaders",
            "cfheaders",
            "getcfcheckpt",
            "cfcheckpt",
        ],
    ],
];
