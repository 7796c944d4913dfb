/** Vectors, of length 1 where they are not of whole numbers. Only their direction means anything. */

export const directed = (vector: Float32Array): Float32Array => {
  let square = 0;
  for (const value of vector) square += value * value;
  const length = Math.sqrt(square) || 1;
  return vector.map((value) => value / length);
};

/** The first of its numbers, for models whose first numbers say most. */
export const shortened = (vector: Float32Array, dimensions: number): Float32Array =>
  vector.length <= dimensions ? vector : directed(vector.slice(0, dimensions));

/** A byte for each number: the largest becomes 127. */
export const quantised = (vector: Float32Array): Int8Array => {
  let most = 0;
  for (const value of vector) most = Math.max(most, Math.abs(value));
  return Int8Array.from(vector, (value) => Math.round((value / (most || 1)) * 127));
};

type Numbers = Float32Array | Int8Array;

/** The cosine of the angle between two vectors; 0 where they are not of one space. */
export const similarity = (one: Numbers, other: Numbers): number => {
  if (one.length !== other.length) return 0;
  let product = 0;
  let [square, otherSquare] = [0, 0];
  for (let at = 0; at < one.length; at += 1) {
    const [a, b] = [one[at] ?? 0, other[at] ?? 0];
    product += a * b;
    square += a * a;
    otherSquare += b * b;
  }
  return product / (Math.sqrt(square * otherSquare) || 1);
};
