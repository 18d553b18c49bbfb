// @ts-check
// For a screen on a wall: a sound when the tip changes, and the tree in full screen.

import { h } from "../../lib/dom.js";

/** A tone: hertz, and when it begins and how long it lasts, in seconds. @typedef {[pitch: number, at: number, lasts: number]} Tone */

/** @type {Tone[]} */
const NEW_TIP = [
    [660, 0, 0.14],
    [880, 0.13, 0.22],
];
/** @type {Tone[]} */
const REORG = [
    [440, 0, 0.18],
    [330, 0.18, 0.18],
    [262, 0.36, 0.4],
];
const LOUDNESS = 0.12;
/** Nodes change their tips one after the other: that is one sound. */
const QUIET = 4000;

export function sound() {
    /** Browsers allow sound after a press of a button only. @type {AudioContext | null} */
    let audio = null;
    let last = 0;
    let lastReorg = 0;
    const button = h(
        "button",
        {
            type: "button",
            class: "button",
            "aria-pressed": "false",
            title: "A sound when a tip changes",
            onclick: toggle,
        },
        "Sound",
    );

    function toggle() {
        if (audio) {
            audio.close();
            audio = null;
        } else {
            audio = new AudioContext();
            play(NEW_TIP);
        }
        button.setAttribute("aria-pressed", String(audio !== null));
    }
    /** @param {Tone[]} tones */
    function play(tones) {
        if (!audio) return;
        for (const [pitch, at, lasts] of tones) {
            const [tone, gain] = [audio.createOscillator(), audio.createGain()];
            const from = audio.currentTime + at;
            tone.frequency.value = pitch;
            gain.gain.setValueAtTime(0, from);
            gain.gain.linearRampToValueAtTime(LOUDNESS, from + 0.02);
            gain.gain.linearRampToValueAtTime(0, from + lasts);
            tone.connect(gain).connect(audio.destination);
            tone.start(from);
            tone.stop(from + lasts);
        }
    }
    return {
        button,
        /** @param {boolean} isReorg */
        ring(isReorg) {
            const now = Date.now();
            if (now - (isReorg ? lastReorg : last) < QUIET) return;
            last = now;
            if (isReorg) lastReorg = now;
            play(isReorg ? REORG : NEW_TIP);
        },
        stop() {
            audio?.close();
            audio = null;
        },
    };
}

/**
 * A button that shows an element in full screen, and keeps the screen on.
 * @param {HTMLElement} el
 */
export function fullScreen(el) {
    /** @type {WakeLockSentinel | null} */
    let lock = null;
    const button = h(
        "button",
        {
            type: "button",
            class: "button",
            title: "The tree alone, as large as it fits (leave with Esc)",
            onclick: show,
        },
        "Full screen",
    );
    button.hidden = !document.fullscreenEnabled;

    async function show() {
        try {
            await el.requestFullscreen();
            lock = (await navigator.wakeLock?.request("screen")) ?? null;
        } catch {
            // The browser does not allow it: the page stays as it is.
        }
    }
    function changed() {
        if (document.fullscreenElement === el) return;
        lock?.release();
        lock = null;
    }
    document.addEventListener("fullscreenchange", changed);
    return {
        button,
        stop() {
            document.removeEventListener("fullscreenchange", changed);
            lock?.release();
        },
    };
}
