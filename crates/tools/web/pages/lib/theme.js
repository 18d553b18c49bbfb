// @ts-check
// Sets the theme before the first paint, so it is a plain script at the head of the page: <html data-theme> is always
// "light" or "dark", data-theme-choice what the reader chose ("auto", "light", "dark"). lib/colors.js goes on from here.
"use strict";

{
    const root = document.documentElement;
    const dark = window.matchMedia("(prefers-color-scheme: dark)");
    let choice = "auto";
    try {
        const kept = window.localStorage.getItem("peer-observer.theme");
        if (kept === "light" || kept === "dark") choice = kept;
    } catch {
        // No storage: the theme follows the system.
    }
    root.dataset.themeChoice = choice;
    const apply = () => {
        const chosen = root.dataset.themeChoice;
        const theme = chosen === "auto" ? (dark.matches ? "dark" : "light") : chosen;
        if (root.dataset.theme === theme) return;
        root.dataset.theme = theme;
        window.dispatchEvent(new CustomEvent("theme", { detail: theme }));
    };
    apply();
    dark.addEventListener("change", apply);
    window.addEventListener("themechoice", (event) => {
        root.dataset.themeChoice = event.detail;
        try {
            window.localStorage.setItem("peer-observer.theme", event.detail);
        } catch {
            // No storage: the choice lasts as long as the page.
        }
        apply();
    });
}
