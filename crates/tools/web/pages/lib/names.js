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
