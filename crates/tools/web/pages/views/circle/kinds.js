// @ts-check
// Types of P2P messages as the circle shows them: a shape for each family, a tone for each type; which of them
// are shown.

import * as colors from "../../lib/colors.js";
import { MESSAGE_FAMILIES } from "../../lib/names.js";

/** @type {[name: string, messageTypes: string[]][]} */
export const FAMILIES = [...MESSAGE_FAMILIES, ["Others", []]];
const OTHERS = FAMILIES.length - 1;
export const OTHER = FAMILIES.reduce((n, [, names]) => n + names.length, 0);
/** A number for each type; types without name of their own here share the last one. */
export const NAMES = [...FAMILIES.flatMap(([, names]) => names), "other"];
const NUMBERS = new Map(NAMES.map((name, i) => [name, i]));
export const FAMILY_OF = NAMES.map((name) => {
    const at = FAMILIES.findIndex(([, names]) => names.includes(name));
    return at < 0 ? OTHERS : at;
});
const MEMBERS = FAMILIES.map((_, family) => NAMES.map((_name, i) => i).filter((i) => FAMILY_OF[i] === family));

/**
 * The number of a type.
 * @param {string} message its type
 */
export function numberOf(message) {
    return NUMBERS.get(message) ?? OTHER;
}

/**
 * The numbers of a family's types.
 * @param {number} family
 */
export function membersOf(family) {
    return MEMBERS[family];
}

/**
 * The colour of a type by its number.
 * @param {number} kind
 */
export function colorOf(kind) {
    return kind === OTHER ? colors.named("black") : colors.forMessage(NAMES[kind]);
}

/**
 * The shape of a type by its number.
 * @param {number} kind
 */
export function shapeOf(kind) {
    return kind === OTHER ? "ring" : colors.shapeForMessage(NAMES[kind]);
}

/**
 * Which types are hidden, by their numbers, from a list of names as the address has it.
 * @param {string | null} text
 */
export function hiddenFrom(text) {
    const hidden = new Uint8Array(NAMES.length);
    for (const name of (text ?? "").split(",")) {
        const kind = NUMBERS.get(name);
        if (kind !== undefined) hidden[kind] = 1;
    }
    return hidden;
}

/**
 * The same as text; null if all are shown.
 * @param {Uint8Array} hidden
 */
export function hiddenText(hidden) {
    return NAMES.filter((_, i) => hidden[i]).join(",") || null;
}

/**
 * What to ask the server for: everything while nothing is hidden, else the names of what is shown; of types without a
 * name here, those that have been seen.
 * @param {Uint8Array} hidden
 * @param {Set<string>} others
 */
export function wanted(hidden, others) {
    if (!hidden.some(Boolean)) return [];
    const names = NAMES.filter((_, i) => i !== OTHER && !hidden[i]);
    return hidden[OTHER] ? names : [...names, ...others];
}
