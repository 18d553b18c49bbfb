// @ts-check
// Which of the messages that came in the last moment are shown, when there are more than people can read: one of each
// type and direction first, so that rare ones are not lost among frequent ones, then the earliest of the others.

/**
 * @template {{message: string, direction: string}} Row
 * @param {Row[]} rows
 * @param {number} most
 */
export function pick(rows, most) {
    if (rows.length <= most) return rows;
    const kinds = new Set();
    const chosen = new Set();
    /** @param {(row: Row) => boolean} test */
    const add = (test) => {
        for (const [i, row] of rows.entries()) {
            if (chosen.size < most && !chosen.has(i) && test(row)) chosen.add(i);
        }
    };
    add((row) => {
        const kind = `${row.message}/${row.direction}`;
        if (kinds.has(kind)) return false;
        kinds.add(kind);
        return true;
    });
    add(() => true);
    return rows.filter((_, i) => chosen.has(i));
}
