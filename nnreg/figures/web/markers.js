// The shapes that tell techniques apart where colours do not, by the names that they have in nnreg/registry/palette.py.

/** Return the outline of a marker of about the area of a disc with radius r. */
export function outline(shape, x, y, r) {
  const [turns, size, begin] = POLYGONS[shape] || POLYGONS.o;
  if (shape === "P" || shape === "X") return plus(x, y, r, begin);
  const corners = typeof size === "number" ? ring(turns, size * r, begin) : ring(2 * turns, r, begin, size);
  return `M${corners.map(([dx, dy]) => `${(x + dx).toFixed(1)} ${(y + dy).toFixed(1)}`).join("L")}Z`;
}

export const SHAPES = ["o", "s", "^", "D", "v", "P", "X", "p", "<", ">", "h", "*"];

const UP = -Math.PI / 2;
const POLYGONS = { // corners, their distance from the middle in radii (of a star: two), the angle of the first
  o: [24, 1, 0], s: [4, 1.25, Math.PI / 4], D: [4, 1.3, UP], "^": [3, 1.4, UP], v: [3, 1.4, -UP], "<": [3, 1.4, Math.PI], ">": [3, 1.4, 0],
  p: [5, 1.2, UP], h: [6, 1.15, UP], "*": [5, [1.65, 0.68], UP], P: [0, 0, 0], X: [0, 0, Math.PI / 4],
};

function ring(count, far, begin, several = null) {
  return Array.from({ length: count }, (_, k) => {
    const angle = begin + (2 * Math.PI * k) / count, reach = several ? several[k % 2] * far : far;
    return [reach * Math.cos(angle), reach * Math.sin(angle)];
  });
}

function plus(x, y, r, turn) {
  const [long, wide] = [1.4 * r, 0.5 * r], [cos, sin] = [Math.cos(turn), Math.sin(turn)];
  const corners = [[-wide, -long], [wide, -long], [wide, -wide], [long, -wide], [long, wide], [wide, wide], [wide, long], [-wide, long], [-wide, wide], [-long, wide], [-long, -wide], [-wide, -wide]];
  return `M${corners.map(([dx, dy]) => `${(x + dx * cos - dy * sin).toFixed(1)} ${(y + dx * sin + dy * cos).toFixed(1)}`).join("L")}Z`;
}
