// Which of the messages that came in the last moment are shown, when there are more than people can read: one of each
// type and direction first, so that rare ones are not lost among frequent ones, then the earliest of the others.

export function pick(rows, most) {
    if (rows.length <= most) return rows;
    const kinds = new Set();
    const chosen = new Set();
    const add = (test) => {
        rows.forEach((row, i) => {
            if (chosen.size < most && !chosen.has(i) && test(row)) chosen.add(i);
        });
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
