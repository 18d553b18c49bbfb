// The peers of all nodes that are shown: from the API, and at once from connection events. A connection that ended stays
// for some seconds, so that its end is seen.

// Milliseconds that an ended connection is seen, that a new one is marked, and that the API is not believed against an
// event.
export const FADE = 6000;
export const FRESH = 2500;
const DISBELIEF = 6000;
const MAX_PEERS = 3000;

const ENDED = {
    closed_connection: "closed",
    peer_disconnected: "closed",
    evicted_inbound_connection: "evicted",
    eviction_selected: "evicted",
};

export function peerList() {
    const nodes = new Map();
    let total = 0;
    let traced = false;
    let known = false;

    function of(node) {
        let peers = nodes.get(node);
        if (!peers) {
            peers = new Map();
            nodes.set(node, peers);
        }
        return peers;
    }

    function add(node, data, now, fresh) {
        if (total >= MAX_PEERS) return null;
        total += 1;
        const peer = {
            node,
            id: data.id,
            data,
            key: "",
            group: null,
            ring: null,
            born: fresh ? now : -Infinity,
            ended: null,
            how: null,
            reason: null,
            marked: -Infinity,
            guess: false,
            // Where it is, where it is going, in the units of its ring.
            angle: NaN,
            radius: 0,
            toAngle: 0,
            toRadius: 0,
            x: 0,
            y: 0,
            size: 0,
            // When its next message may start, by direction, so that messages of one moment follow one another.
            next: [0, 0],
            // Messages counted here in this second, and what it makes per second.
            counted: [0, 0],
            speed: [null, null],
            told: bytesOf(data, now),
            level: [0, 0],
        };
        of(node).set(data.id, peer);
        return peer;
    }

    function end(peer, how, now) {
        if (peer.ended !== null) {
            if (how === "evicted") peer.how = how;
            return false;
        }
        peer.ended = now;
        peer.how = peer.how === "evicted" ? "evicted" : how;
        return true;
    }

    function take(peer, data, now) {
        const before = peer.told;
        const next = bytesOf(data, now);
        // getpeerinfo is asked less often than we ask: bytes per second between two answers that differ.
        if (next.received !== before.received || next.sent !== before.sent) {
            const seconds = (now - before.at) / 1000;
            const perSecond = (key) => Math.max(0, next[key] - before[key]) / seconds;
            next.rates = seconds > 0.5 ? [perSecond("received"), perSecond("sent")] : before.rates;
            peer.told = next;
        }
        peer.data = data;
        peer.guess = false;
    }

    return {
        nodes,
        get known() {
            return known;
        },
        // Whether tracepoints tell of messages: null as long as nothing is known.
        get traced() {
            return known && total ? traced : null;
        },
        tracedNode(node) {
            for (const peer of nodes.get(node)?.values() ?? []) {
                if ((peer.data.messages_received ?? null) !== null || peer.speed[0] > 0) return true;
            }
            return false;
        },
        sawMessage() {
            traced = true;
        },
        find(node, id) {
            return nodes.get(node)?.get(id);
        },

        // Takes over api/peers. Returns whether anything changed that is seen.
        told(list, now) {
            const open = new Set();
            let changed = false;
            for (const data of list) {
                if (data.closed || data.end) continue;
                open.add(`${data.node}/${data.id}`);
                if (data.messages_received !== null && data.messages_received !== undefined) traced = true;
                let peer = of(data.node).get(data.id);
                if (peer && peer.ended !== null && now - peer.ended < DISBELIEF) continue;
                if (peer && peer.ended !== null) {
                    total -= 1;
                    of(data.node).delete(data.id);
                    peer = null;
                }
                if (!peer) {
                    peer = add(data.node, data, now, known);
                    changed = true;
                } else {
                    if (!sameLooks(peer.data, data)) changed = true;
                    take(peer, data, now);
                }
            }
            for (const data of list) {
                if (!data.closed && !data.end) continue;
                const peer = nodes.get(data.node)?.get(data.id);
                if (!peer || open.has(`${data.node}/${data.id}`)) continue;
                const how = data.end?.how ?? "closed";
                if (end(peer, how, now)) changed = true;
                peer.how = how;
                peer.reason = data.end?.reason ?? null;
                peer.data = data;
            }
            for (const [node, peers] of nodes) {
                for (const peer of peers.values()) {
                    if (open.has(`${node}/${peer.id}`) || peer.ended !== null) continue;
                    if (peer.guess && now - peer.born < DISBELIEF) continue;
                    end(peer, "disappeared", now);
                    changed = true;
                }
            }
            known = true;
            return changed;
        },

        // Takes a connection event in its brief form. Returns whether anything changed that is seen.
        event(event, now) {
            const { node, peer: id, kind } = event;
            if (typeof node !== "string" || typeof id !== "number") return false;
            const peer = nodes.get(node)?.get(id);
            const how = ENDED[kind];
            if (how) {
                if (!peer) return false;
                // Chosen to be evicted is not gone yet.
                if (kind === "eviction_selected" || kind === "evicted_inbound_connection") {
                    peer.how = "evicted";
                    peer.marked = now;
                    return true;
                }
                return end(peer, how, now);
            }
            if (kind === "misbehaving_connection" || kind === "misbehaving") {
                if (peer) peer.marked = now;
                return Boolean(peer);
            }
            if (kind !== "inbound_connection" && kind !== "outbound_connection") return false;
            if (peer && peer.ended === null) return false;
            if (peer) {
                total -= 1;
                of(node).delete(id);
            }
            const inbound = kind === "inbound_connection";
            const direction = inbound ? "inbound" : "outbound";
            const data = { node, id, connection_type: inbound ? "inbound" : null, direction };
            const made = add(node, data, now, true);
            if (made) made.guess = true;
            return Boolean(made);
        },

        // Drops what has faded. Returns whether there was any.
        sweep(now) {
            let any = false;
            for (const [node, peers] of nodes) {
                for (const [id, peer] of peers) {
                    if (peer.ended === null || now - peer.ended < FADE) continue;
                    peers.delete(id);
                    total -= 1;
                    any = true;
                }
                if (!peers.size) nodes.delete(node);
            }
            return any;
        },

        // What was counted in a time of so many seconds becomes rates.
        fold(seconds) {
            for (const peers of nodes.values()) {
                for (const peer of peers.values()) {
                    for (let i = 0; i < 2; i += 1) {
                        const rate = peer.counted[i] / seconds;
                        peer.speed[i] = peer.speed[i] === null ? rate : peer.speed[i] * 0.7 + rate * 0.3;
                        peer.counted[i] = 0;
                    }
                }
            }
        },
    };
}

function bytesOf(data, now) {
    return { at: now, received: data.bytes_received ?? 0, sent: data.bytes_sent ?? 0, rates: [null, null] };
}

const LOOKS = ["connection_type", "network", "as", "addr", "misbehaviour"];

function sameLooks(a, b) {
    return (
        LOOKS.every((key) => a[key] === b[key]) &&
        a.sets?.[0] === b.sets?.[0] &&
        a.marks?.[0]?.mark === b.marks?.[0]?.mark
    );
}

// Whether a peer passes the filter of connection types and networks.
export function passes(peer, type, network) {
    const { connection_type, direction } = peer.data;
    if (network && peer.data.network !== network) return false;
    if (!type) return true;
    if (type !== "outbound") return connection_type === type;
    return direction ? direction === "outbound" : connection_type !== "inbound";
}
