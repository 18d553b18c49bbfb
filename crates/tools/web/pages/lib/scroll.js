// @ts-check
// Shows at the edges of what scrolls sideways that there is more: where no scroll bar is drawn, nobody would look for it.

/**
 * Keeps the classes "more-left" and "more-right" of an element that scrolls.
 * @param {HTMLElement} el
 */
export function hintAtMore(el) {
    const show = () => {
        const rest = el.scrollWidth - el.clientWidth - el.scrollLeft;
        el.classList.toggle("more-left", el.scrollLeft > 1);
        el.classList.toggle("more-right", rest > 1);
    };
    el.addEventListener("scroll", show, { passive: true });
    const sizes = new ResizeObserver(show);
    const observe = () => {
        sizes.disconnect();
        for (const one of [el, ...el.children]) sizes.observe(one);
    };
    observe();
    new MutationObserver(observe).observe(el, { childList: true });
}
