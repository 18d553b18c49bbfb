// @ts-check
// How long pictures take: the time from one to the next, and our part of it. A bench reads it from attributes of the
// canvas.

const KEPT = 360;

/** The last values. */
function ring() {
    const values = new Float32Array(KEPT);
    const sorted = new Float32Array(KEPT);
    let at = 0;
    let n = 0;
    return {
        /** @param {number} value */
        add(value) {
            values[at] = value;
            at = (at + 1) % KEPT;
            n = Math.min(KEPT, n + 1);
        },
        clear() {
            n = 0;
            at = 0;
        },
        /** @param {number} q from 0 to 1 */
        quantile(q) {
            if (!n) return null;
            sorted.set(values);
            const part = sorted.subarray(0, n).sort();
            return part[Math.min(n - 1, Math.floor(q * n))];
        },
    };
}

export function frames() {
    const between = ring();
    const work = ring();
    let total = 0;
    let sum = 0;
    let n = 0;

    return {
        /**
         * A picture: milliseconds since the one before (null: none just before), and that drawing it took.
         * @param {number | null} since
         * @param {number} took
         */
        add(since, took) {
            total += 1;
            if (since !== null) {
                between.add(since);
                sum += since;
                n += 1;
            }
            work.add(took);
        },
        clear() {
            between.clear();
            work.clear();
        },
        /** The mean time between pictures since this was asked before; null if there were hardly any. */
        lately() {
            const mean = n >= 5 ? sum / n : null;
            sum = 0;
            n = 0;
            return mean;
        },
        /**
         * Writes the times for a bench.
         * @param {DOMStringMap} data attributes of the canvas
         */
        write(data) {
            /** @type {(value: number | null) => string} */
            const text = (value) => (value === null ? "" : value.toFixed(1));
            data.frames = String(total);
            data.frameP50Ms = text(between.quantile(0.5));
            data.frameP99Ms = text(between.quantile(0.99));
            data.drawP50Ms = text(work.quantile(0.5));
            data.drawP99Ms = text(work.quantile(0.99));
        },
    };
}
