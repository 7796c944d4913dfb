/** Longest part of a text that has a vector of its own, in characters. */
const longest = 400;

/** Sentences, and paragraphs' ends. */
const sentences = /[^.!?\n]+(?:[.!?]+|\n+|$)/gu;

/** A text in parts that say one thing each, every one under the title: what a vector is made of. */
export const chunksOf = (title: string, text: string): readonly string[] => {
  const parts: string[] = [];
  let part = '';
  for (const sentence of text.match(sentences) ?? []) {
    if (part && part.length + sentence.length > longest) {
      parts.push(part);
      part = '';
    }
    part += sentence;
  }
  if (part.trim() || parts.length === 0) parts.push(part);
  return parts.map((one) => `${title}\n${one.trim()}`);
};
