/** Longest part of a text that has a vector of its own, in characters. */
const longest = 400;

/** Sentences, and paragraphs' ends. */
const sentences = /[^.!?\n]+(?:[.!?]+|\n+|$)/gu;

/**
 * What vectors of a text are made of: its title, which is short and often a question itself, and then the parts of it that say
 * one thing each, every one under the title.
 */
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
  if (part.trim()) parts.push(part);
  return [title, ...parts.map((one) => `${title}\n${one.trim()}`)].filter((one) => one.trim());
};
