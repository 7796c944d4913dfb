/** No sentence is longer, in characters. What goes on without an end is no answer, and nothing of it is kept. */
const longest = 4_000;

const end = /[.!?…]["'”’)\]]*\s+|\n\s*/u;

/**
 * A text that arrives in pieces, sentence by sentence and line by line, each as soon as it is whole, with the space after
 * it: what is held back can still be withheld.
 * @throws RangeError at a sentence that does not end
 */
export async function* sentencesOf(pieces: AsyncIterable<string>): AsyncGenerator<string> {
  let held = '';
  for await (const piece of pieces) {
    held += piece;
    for (let found = end.exec(held); found; found = end.exec(held)) {
      const length = found.index + found[0].length;
      yield held.slice(0, length);
      held = held.slice(length);
    }
    if (held.length > longest) throw new RangeError('a sentence does not end');
  }
  if (held) yield held;
}

const emphasis = /(?<![\p{L}\p{N}*_])(\*\*|__)(?=[^\s*_])([^*_\n]+)\1(?![\p{L}\p{N}*_])/gu;
const heading = /(?<=^|\n)\s*#{1,6} +/g;

/** Without the marks of bold type and headings, which models set unasked; every word stays. */
export const withoutEmphasis = (text: string): string => text.replace(emphasis, '$2').replace(heading, '');
