// @ts-check

// Shows what an endpoint sends: how many events of each kind, and the last one. The list of endpoints is beside this page.

const SHOWN = 300;
const ALL = {
    ebpf: { messages: true, mempool: true, validation: true, connections: true },
    p2p: true,
    log: true,
    rpc: true,
    ipc: true,
};

/** @type {Map<string, { count: number, last: string }>} */
const kinds = new Map();
/** @type {WebSocket | undefined} */
let socket;
let changed = false;

const select = /** @type {HTMLSelectElement} */ (document.getElementById("node"));
const state = /** @type {HTMLOutputElement} */ (document.getElementById("state"));
const rows = /** @type {HTMLTableSectionElement} */ (document.getElementById("kinds"));

/**
 * The names that lead to an event's innermost object: "EbpfExtractor Message Ping".
 * @param {unknown} event
 */
function kindOf(event) {
    const names = [];
    let at = event;
    while (at !== null && typeof at === "object" && !Array.isArray(at)) {
        const keys = Object.keys(at);
        const key = keys.includes("msg") ? "msg" : keys.includes("log_event") ? "log_event" : keys[0];
        if (key === undefined || (keys.length > 1 && key === keys[0])) break;
        if (/^[A-Z]/.test(key)) names.push(key);
        at = /** @type {Record<string, unknown>} */ (at)[key];
    }
    return names.join(" ");
}

/** @param {string} endpoint */
function connect(endpoint) {
    socket?.close();
    kinds.clear();
    changed = true;
    const url = new URL(endpoint, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const opened = new WebSocket(url);
    socket = opened;
    state.value = "connecting";
    opened.onopen = () => {
        state.value = "connected";
        opened.send(JSON.stringify(ALL));
    };
    opened.onclose = (event) => {
        if (socket === opened) state.value = `closed ${event.reason}; reload to try again`;
    };
    opened.onmessage = (message) => {
        const kind = kindOf(JSON.parse(message.data));
        const entry = kinds.get(kind) ?? { count: 0, last: "" };
        kinds.set(kind, { count: entry.count + 1, last: message.data.slice(0, SHOWN) });
        changed = true;
    };
}

function draw() {
    if (changed) {
        changed = false;
        const sorted = [...kinds].sort(([a], [b]) => a.localeCompare(b));
        rows.replaceChildren(
            ...sorted.map(([kind, { count, last }]) => {
                const row = document.createElement("tr");
                for (const text of [kind, String(count), last]) row.insertCell().textContent = text;
                row.cells[1].className = "number";
                return row;
            }),
        );
    }
    setTimeout(draw, 500);
}

/** @type {Record<string, string>} */
const endpoints = await (await fetch("websockets.json")).json();
for (const [name, endpoint] of Object.entries(endpoints)) select.add(new Option(name, endpoint));
select.onchange = () => connect(select.value);
connect(select.value);
draw();
