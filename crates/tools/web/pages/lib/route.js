// @ts-check
// The page's address, such as "#/peers?node=alice&sort=ping": a view and its parameters.

/** The view and the parameters in the address. */
export function parse() {
    const text = window.location.hash.replace(/^#\/?/, "");
    const cut = text.indexOf("?");
    const view = cut < 0 ? text : text.slice(0, cut);
    return { view: view || "overview", params: new URLSearchParams(cut < 0 ? "" : text.slice(cut + 1)) };
}

/**
 * @param {string} view
 * @param {URLSearchParams} params
 */
export function address(view, params) {
    const query = params.toString();
    return `#/${view}${query ? `?${query}` : ""}`;
}

/**
 * The address of a view; the selected node goes along unless params name another (node: "" means all).
 * @param {string} view
 * @param {Query} params
 */
export function href(view, params = {}) {
    const out = new URLSearchParams();
    const node = params.node ?? parse().params.get("node");
    if (node) out.set("node", String(node));
    for (const [key, value] of Object.entries(params)) {
        if (key !== "node" && value !== null && value !== undefined && value !== "") out.set(key, String(value));
    }
    return address(view, out);
}

/**
 * Goes to a view.
 * @param {string} view
 * @param {Query} [params]
 */
export function go(view, params) {
    window.location.hash = href(view, params);
}
