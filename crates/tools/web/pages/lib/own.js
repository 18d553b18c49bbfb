// @ts-check
// Our own P2P connection to a node: how it is marked among the peers, and what it does in words.

import { badge, h } from "./dom.js";
import * as f from "./format.js";

/** @typedef {Api["Own"]} Own */

/** What the mark means. */
export const OURS = "peer-observer's own P2P connection to the node: no peer of the network, and in no count";

/** The mark of our own connection. */
export const ours = () => badge("ours", "info", OURS);

/** @type {Record<string, string>} */
const WAYS = { listening: "the node connected to us", dialling: "we connected to the node" };

/**
 * "v2, the node connected to us, for 3 h".
 * @param {Own} own
 */
export function inWords(own) {
    const since = f.ago(own.since);
    const lasts = f.span((f.now() - (f.millis(own.since) ?? f.now())) / 1000);
    if (own.state === "open") return [own.transport, WAYS[own.way], `for ${lasts}`].filter(Boolean).join(", ");
    if (own.state === "unknown") return `nothing comes from the extractor p2p any more, for ${lasts}`;
    if (own.state === "ended") return `ended ${since}${own.reason ? `: ${f.printable(own.reason, 160)}` : ""}`;
    if (own.reason) return f.printable(own.reason, 300);
    const where = own.address ? ` at ${f.printable(own.address, 70)}` : "";
    return own.way === "listening" ? `waits for the node${where}` : "tries to reach the node";
}

/** What stands in bitcoin.conf of the first node on a machine, unless another address is configured. */
const FIRST = "127.0.0.2:28333";

/**
 * How to get a connection: sentences, and the lines of each. As precise as what is known of the connection.
 * @param {Own | null | undefined} own of the node that has none; null if its extractor has never reported
 * @returns {{text: string, lines: string[]}[]}
 */
export function howTo(own) {
    const listening = own && own.state !== "unknown" && own.way === "listening";
    const address = listening && own.address ? f.printable(own.address, 70) : FIRST;
    const connect = {
        text: "The node connects to us with this line in its bitcoin.conf, which takes effect when it is restarted:",
        lines: [`addnode=${address}`],
    };
    if (listening)
        return [connect, { text: "At once, without a restart:", lines: [`bitcoin-cli addnode ${address} onetry`] }];
    if (own && own.state !== "unknown") {
        return [
            {
                text: "On the machine of the node, this says why it cannot be reached:",
                lines: ["peer-observer doctor"],
            },
        ];
    }
    return [
        { text: "The extractor p2p makes one. On the machine of the node:", lines: ["peer-observer extract p2p"] },
        {
            text: "or in peer-observer.toml, among the others:",
            lines: ['extract = ["ebpf", "rpc", "log", "process", "p2p"]'],
        },
        connect,
        {
            text: "Where bitcoin.conf cannot be changed, we connect to the node:",
            lines: ["peer-observer extract p2p --p2p HOST:PORT"],
        },
    ];
}

/**
 * The same as nodes.
 * @param {Own | null | undefined} own
 */
export function howToNodes(own) {
    return howTo(own).map(({ text, lines }) => [h("p", {}, text), h("pre", {}, h("code", {}, lines.join("\n")))]);
}
