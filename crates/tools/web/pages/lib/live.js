// The connection to the server: whether it answers, since when not, the pause button, and live events through a WebSocket.
// While the server is away nothing polls but one probe (app.js); when it answers again everybody is told and goes on.

const FIRST_WAIT = 500;
const LONGEST_WAIT = 5000;
const FORM_KEYS = ["node", "kind", "message", "peer", "addr", "direction", "since", "until"];

function emitter() {
    const listeners = new Set();
    return {
        on(fn) {
            listeners.add(fn);
            return () => listeners.delete(fn);
        },
        emit(...args) {
            for (const fn of [...listeners]) fn(...args);
        },
    };
}

// The wait before the n-th attempt, in ms: 0.5 s doubling to 5 s, with some chance so that many pages do not come at once.
export function backoff(attempt) {
    const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** Math.min(attempt, 6));
    return Math.min(LONGEST_WAIT, wait * (0.85 + Math.random() * 0.3));
}

const changed = emitter();
const returned = emitter();
const lost = emitter();

// What is known of the server. state: "connecting" (never answered), "up", "down".
export const connection = {
    state: "connecting",
    lastGood: null,
    refused: null,
    waitingSockets: 0,
    onChange: changed.on,
    onReturn: returned.on,
    onLost: lost.on,
    good() {
        const before = this.state;
        this.lastGood = Date.now();
        this.refused = null;
        if (before === "up") return;
        this.state = "up";
        changed.emit();
        if (before === "down") returned.emit();
    },
    bad(refused = null) {
        this.refused = refused;
        if (this.state === "down") return;
        this.state = "down";
        changed.emit();
        lost.emit();
    },
};

const pauseChanged = emitter();

// The pause button. While it is on, polling and events rest.
export const pause = {
    on: false,
    since: null,
    onChange: pauseChanged.on,
    set(on) {
        if (on === this.on) return;
        this.on = on;
        this.since = on ? Date.now() : null;
        pauseChanged.emit(on);
    },
};

// A filter as query parameters; lists with commas. Empty values mean everything and are left out.
function query(filter, form) {
    const params = new URLSearchParams();
    for (const key of FORM_KEYS) {
        const value = filter[key];
        if (value === null || value === undefined || value === "" || (Array.isArray(value) && !value.length)) continue;
        params.set(key, Array.isArray(value) ? value.join(",") : String(value));
    }
    if (form) params.set("form", form);
    return params;
}

function tidied(filter, form) {
    const out = {};
    for (const [key, value] of query(filter, form)) {
        out[key] = Array.isArray(filter[key]) ? filter[key] : value;
    }
    return out;
}

// Live events. fn(event) for each event; options: form "full" or "brief", onDropped(n, total) when this page was too slow,
// onLost(loss) when events were lost before they came to the server, onError(text) when the server refuses a filter,
// onState(open). Returns {subscribe(filter), stop(), open}.
export function events(filter, fn, options = {}) {
    let wanted = { ...filter };
    let socket = null;
    let timer = null;
    let attempt = 0;
    let stopped = false;
    let counted = false;
    const handle = { open: false, subscribe, stop };

    function waiting(yes) {
        if (yes === counted) return;
        counted = yes;
        connection.waitingSockets += yes ? 1 : -1;
        changed.emit();
    }

    function state(open) {
        if (handle.open === open) return;
        handle.open = open;
        options.onState?.(open);
    }

    function send(message) {
        if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
    }

    function connect() {
        window.clearTimeout(timer);
        timer = null;
        if (stopped || socket) return;
        const url = new URL("ws", document.baseURI);
        url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
        url.hash = "";
        url.search = query(wanted, options.form ?? "full").toString();
        const mine = new WebSocket(url);
        socket = mine;
        mine.addEventListener("open", () => {
            if (socket !== mine) return;
            waiting(false);
            state(true);
            if (pause.on) send({ pause: true });
        });
        mine.addEventListener("message", (message) => {
            if (socket !== mine) return;
            attempt = 0;
            receive(message.data);
        });
        mine.addEventListener("close", () => {
            if (socket === mine) again();
        });
    }

    function again() {
        socket = null;
        state(false);
        if (stopped) return;
        waiting(true);
        // While the server is away, its return (or, should that be missed, a long wait) leads to the next attempt.
        const wait = connection.state === "down" ? LONGEST_WAIT : backoff(attempt);
        attempt += 1;
        timer = window.setTimeout(connect, wait);
        options.onClosed?.();
        closed.emit();
    }

    function receive(data) {
        let event = null;
        try {
            event = JSON.parse(data);
        } catch {
            return;
        }
        if (event === null || typeof event !== "object") return;
        if (event.control) {
            control(event.control);
        } else if (!pause.on) {
            if (event.kind === "lost") options.onLost?.(event);
            else fn(event);
        }
    }

    function control(c) {
        if (c.dropped) options.onDropped?.(c.dropped, c.total);
        if (c.error) options.onError?.(String(c.error));
    }

    // Replaces the filter; a missing key means everything.
    function subscribe(next) {
        wanted = { ...next };
        send({ subscribe: tidied(wanted, options.form ?? "full") });
    }

    function drop() {
        const old = socket;
        socket = null;
        old?.close();
    }

    function stop() {
        stopped = true;
        window.clearTimeout(timer);
        for (const off of offs) off();
        waiting(false);
        drop();
        handle.open = false;
    }

    const offs = [
        pause.onChange((on) => send({ pause: on })),
        // The server is back: a connection from before may be half dead without knowing it.
        connection.onReturn(() => {
            if (stopped) return;
            drop();
            attempt = 0;
            connect();
        }),
        connection.onChange(() => {
            if (connection.state === "up" && timer !== null && attempt > 3) connect();
        }),
    ];
    waiting(true);
    connect();
    return handle;
}

const closed = emitter();

// Told when a WebSocket closed by itself: a reason to look at once whether the server still answers.
export const onSocketClosed = closed.on;
