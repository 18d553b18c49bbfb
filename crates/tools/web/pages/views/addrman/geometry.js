// @ts-check
// Where each slot of the tables stands on the canvas: buckets of 8 x 8 slots, 32 buckets of the new table a row, 16 of the
// tried table beside or below it. Nothing here draws.

/** Buckets of the new and of the tried table. */
const BUCKETS = [1024, 256];
/** Positions in a bucket. */
export const POSITIONS = 64;
/** Slots of the new table: they come first. */
export const NEW_SLOTS = BUCKETS[0] * POSITIONS;
/** Slots of both tables. */
export const SLOTS = NEW_SLOTS + BUCKETS[1] * POSITIONS;
/** Buckets in a row. */
const COLUMNS = [32, 16];
/** Slots in a row of a bucket. */
const SIDE = 8;

/**
 * How far apart slots may be, in pixels of the device, from far to near. Each is a whole multiple of a base that pictures are
 * made for, so that all slots have the same size.
 */
export const PITCHES = [1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 18, 24, 30, 36, 48, 60];
const LARGEST_BASE = 6;

/**
 * The pitch of the picture that is drawn for a pitch, and how many times larger it is drawn.
 * @param {number} pitch one of PITCHES
 * @returns {[base: number, times: number]}
 */
export function baseOf(pitch) {
    for (let base = LARGEST_BASE; base > 3; base -= 1) {
        if (pitch > base && pitch % base === 0) return [base, pitch / base];
    }
    return [Math.min(pitch, LARGEST_BASE), 1];
}

/**
 * @param {string} table "new" or "tried"
 * @param {number} bucket
 * @param {number} position
 * @returns {number} the slot; -1 if there is none
 */
export function slotOf(table, bucket, position) {
    const t = table === "new" ? 0 : table === "tried" ? 1 : -1;
    if (t < 0 || !(bucket >= 0 && bucket < BUCKETS[t]) || !(position >= 0 && position < POSITIONS)) return -1;
    if (!Number.isInteger(bucket) || !Number.isInteger(position)) return -1;
    return (t ? NEW_SLOTS : 0) + bucket * POSITIONS + position;
}

/**
 * Table, bucket and position of a slot.
 * @param {number} slot
 * @returns {[table: "new" | "tried", bucket: number, position: number]}
 */
export function placeOf(slot) {
    const inTable = slot < NEW_SLOTS ? slot : slot - NEW_SLOTS;
    return [slot < NEW_SLOTS ? "new" : "tried", Math.floor(inTable / POSITIONS), inTable % POSITIONS];
}

/** @typedef {ReturnType<typeof layout>} Layout */

/**
 * @param {number} pitch how far apart slots are
 * @param {number} between room between both tables
 * @param {boolean} below the tried table stands below the new one
 */
export function layout(pitch, between, below) {
    const gap = Math.max(1, Math.round(pitch * 0.66));
    const bucket = SIDE * pitch + gap;
    const sides = COLUMNS.map((columns) => columns * bucket);
    const x = [0, below ? 0 : sides[0] + between];
    const y = [0, below ? sides[0] + between : 0];
    return {
        pitch,
        gap,
        /** Side of a bucket with its gap. */
        bucket,
        /** Side of a slot: what remains is a gap, unless there is no room for one. */
        slot: pitch > 2 ? pitch - 1 : pitch,
        x,
        y,
        sides,
        width: below ? sides[0] : x[1] + sides[1],
        height: below ? y[1] + sides[1] : sides[0],
        /**
         * The left upper corner of a slot.
         * @param {number} slot
         * @returns {[x: number, y: number]}
         */
        of(slot) {
            const t = slot < NEW_SLOTS ? 0 : 1;
            const inTable = t ? slot - NEW_SLOTS : slot;
            const number = inTable >> 6;
            const position = inTable & 63;
            return [
                x[t] + (number % COLUMNS[t]) * bucket + (position & 7) * pitch,
                y[t] + Math.floor(number / COLUMNS[t]) * bucket + (position >> 3) * pitch,
            ];
        },
        /**
         * The slot at a point; -1 if there is none.
         * @param {number} px
         * @param {number} py
         */
        at(px, py) {
            const t = [0, 1].findIndex((i) => px >= x[i] && px < x[i] + sides[i] && py >= y[i] && py < y[i] + sides[i]);
            if (t < 0) return -1;
            const column = Math.floor((px - x[t]) / bucket);
            const row = Math.floor((py - y[t]) / bucket);
            const sx = Math.floor((px - x[t] - column * bucket) / pitch);
            const sy = Math.floor((py - y[t] - row * bucket) / pitch);
            if (sx >= SIDE || sy >= SIDE) return -1;
            return (t ? NEW_SLOTS : 0) + (row * COLUMNS[t] + column) * POSITIONS + sy * SIDE + sx;
        },
    };
}

/**
 * The slot beside another one, as it is seen; the same one at an edge.
 * @param {number} slot
 * @param {number} dx -1, 0 or 1
 * @param {number} dy -1, 0 or 1
 */
export function beside(slot, dx, dy) {
    const t = slot < NEW_SLOTS ? 0 : 1;
    const inTable = t ? slot - NEW_SLOTS : slot;
    const [number, position] = [inTable >> 6, inTable & 63];
    const side = COLUMNS[t] * SIDE;
    const x = (number % COLUMNS[t]) * SIDE + (position & 7) + dx;
    const y = Math.floor(number / COLUMNS[t]) * SIDE + (position >> 3) + dy;
    if (x < 0 || y < 0 || x >= side || y >= side) return slot;
    const there =
        (Math.floor(y / SIDE) * COLUMNS[t] + Math.floor(x / SIDE)) * POSITIONS + (y % SIDE) * SIDE + (x % SIDE);
    return (t ? NEW_SLOTS : 0) + there;
}
