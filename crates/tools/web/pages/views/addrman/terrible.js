// @ts-check
// Which entries Bitcoin Core finds terrible (IsTerrible): those it replaces first, and does not hand out. getrawaddrman has
// only the time of an entry, so what is found here are those that are terrible by it; the failed attempts and the last
// success, by which others are, it does not have.

/** Not seen for so many seconds (ADDRMAN_HORIZON). */
const HORIZON = 30 * 86_400;
/** So many seconds in the future. */
const FUTURE = 600;

/** What an entry is by its time. */
export const FINE = 0;
export const OLD = 1;
export const AHEAD = 2;

/**
 * @param {number} time of the entry, in seconds
 * @param {number} now in seconds
 */
export function byTime(time, now) {
    const second = Math.floor(now);
    if (time > second + FUTURE) return AHEAD;
    return second - time > HORIZON ? OLD : FINE;
}

/** What the page says of it. */
export const RULES =
    "Terrible is what Bitcoin Core replaces first and does not hand out: entries last seen more than 30 days ago or more " +
    "than 10 minutes in the future, which is shown here; and those with 3 failed attempts and no success, or with 10 " +
    "failures and no success for 7 days, which getrawaddrman does not tell. So there may be more. An entry that was tried " +
    "within the last minute is never terrible.";
