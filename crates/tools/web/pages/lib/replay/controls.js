// @ts-check
// What stops a replay, and makes it go faster.

import { h, svg } from "../dom.js";

/** @type {[pace: string, label: string][]} */
const PACES = [
    ["original", "1×"],
    ["10x", "10×"],
    ["60x", "60×"],
    ["600x", "600×"],
    ["fast", "as fast as possible"],
];
const PLAY = "M4 2.500 13 8 4 13.500z";
const PAUSE = "M4 3h3v10H4zM9 3h3v10H9z";

/** @param {(command: Api["ReplayCommand"]) => void} send */
export function controls(send) {
    let paused = false;
    const icon = svg("path", {});
    const play = h(
        "button",
        { type: "button", class: "button replay-play", onclick: () => send({ paused: !paused }) },
        svg("svg", { viewBox: "0 0 16 16", class: "icon solid", "aria-hidden": "true" }, icon),
    );
    const pace = h("select", {
        class: "replay-pace",
        "aria-label": "Speed of the replay",
        onchange: () => send({ pace: pace.value }),
    });

    /** @param {string} chosen */
    function choices(chosen) {
        const all = PACES.some(([key]) => key === chosen) ? PACES : [...PACES, [chosen, chosen.replace("x", "×")]];
        if (pace.options.length !== all.length) {
            pace.replaceChildren(...all.map(([key, label]) => h("option", { value: key }, label)));
        }
        if (document.activeElement !== pace) pace.value = chosen;
    }

    return {
        play,
        pace,
        /** @param {Api["Replay"]} replay */
        set(replay) {
            paused = replay.state === "paused";
            icon.setAttribute("d", paused ? PLAY : PAUSE);
            play.setAttribute("aria-label", paused ? "Go on with the replay" : "Pause the replay");
            play.title = `${paused ? "Go on" : "Pause"}, for everybody who looks at it`;
            play.disabled = replay.state === "ended";
            play.hidden = !replay.may_control;
            pace.hidden = !replay.may_control;
            choices(replay.pace);
        },
    };
}
