// @ts-check
// Shapes on a canvas, the same as the characters of lib/colors.js: each kind of peer and of message has one besides its
// colour.

const STAR = Array.from({ length: 10 }, (_, i) => {
    const angle = -Math.PI / 2 + (i * Math.PI) / 5;
    const r = i % 2 ? 0.5 : 1.2;
    return [Math.cos(angle) * r, Math.sin(angle) * r];
});
/** @type {[number, number][]} */
const PLUS = [
    [-0.35, -1],
    [0.35, -1],
    [0.35, -0.35],
    [1, -0.35],
    [1, 0.35],
    [0.35, 0.35],
    [0.35, 1],
    [-0.35, 1],
    [-0.35, 0.35],
    [-1, 0.35],
    [-1, -0.35],
    [-0.35, -0.35],
];
/** @type {Record<string, number[][]>} */
const POLYGONS = {
    square: [
        [-0.85, -0.85],
        [0.85, -0.85],
        [0.85, 0.85],
        [-0.85, 0.85],
    ],
    triangle: [
        [0, -1.1],
        [1.05, 0.8],
        [-1.05, 0.8],
    ],
    diamond: [
        [0, -1.2],
        [1.2, 0],
        [0, 1.2],
        [-1.2, 0],
    ],
    plus: PLUS,
    cross: PLUS.map(([x, y]) => [(x - y) * Math.SQRT1_2 * 1.1, (x + y) * Math.SQRT1_2 * 1.1]),
    star: STAR,
};
const TURN = Math.PI * 2;

/**
 * Adds a shape to the path of a canvas: around x, y, about as large as a circle of radius r.
 * @param {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D} c
 * @param {string} shape
 * @param {number} x
 * @param {number} y
 * @param {number} r
 */
export function trace(c, shape, x, y, r) {
    const polygon = POLYGONS[shape];
    if (!polygon) {
        const own = shape === "dot" ? r * 0.6 : r;
        c.moveTo(x + own, y);
        c.arc(x, y, own, 0, TURN);
        if (shape === "ring") {
            c.moveTo(x + r * 0.5, y);
            c.arc(x, y, r * 0.5, 0, TURN, true);
        }
        return;
    }
    c.moveTo(x + polygon[0][0] * r, y + polygon[0][1] * r);
    for (let i = 1; i < polygon.length; i += 1) c.lineTo(x + polygon[i][0] * r, y + polygon[i][1] * r);
    c.closePath();
}

/**
 * The shape in front of a label, as a small picture of its own. hollow: only its outline.
 * @param {string} shape
 * @param {string} color
 */
export function swatch(shape, color, hollow = false) {
    const el = document.createElement("canvas");
    const scale = 2;
    el.width = 14 * scale;
    el.height = 14 * scale;
    el.className = "circle-swatch";
    el.setAttribute("aria-hidden", "true");
    const c = context(el);
    c.scale(scale, scale);
    c.beginPath();
    trace(c, shape, 7, 7, hollow ? 4.2 : 4.8);
    c.fillStyle = color;
    c.strokeStyle = color;
    c.lineWidth = 1.4;
    if (hollow) c.stroke();
    else c.fill();
    return el;
}

/**
 * What draws on a canvas.
 * @param {HTMLCanvasElement} canvas
 */
export function context(canvas) {
    const c = canvas.getContext("2d");
    if (!c) throw new Error("this browser draws on no canvas");
    return c;
}
