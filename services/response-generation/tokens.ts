import { fold } from '@jangada/nlu/text.ts';

/** A word, figure or sign of a text, with what stands before it. */
export interface Token {
  readonly raw: string;
  /** For comparison. */
  readonly key: string;
  readonly kind: 'word' | 'figure' | 'sign';
  /** Spaces and punctuation since the token before. */
  readonly gap: string;
}

const pattern =
  /(?<figure>(?<![\p{L}\p{N}])[-−]?\p{N}+(?:[.,:/⁄·٫٬-]\p{N}+)*|\p{N}+(?:[.,:/⁄·٫٬-]\p{N}+)*)|(?<word>\p{L}+)|(?<sign>[\p{Sc}%‰])/gu;

/** The tokens of a text that is NFKC. */
export const tokensOf = (text: string): Token[] => {
  const tokens: Token[] = [];
  let end = 0;
  for (const { 0: raw, index, groups } of text.matchAll(pattern)) {
    const kind = groups?.['figure'] ? 'figure' : groups?.['word'] ? 'word' : 'sign';
    tokens.push({ raw, key: fold(raw).replace('−', '-'), kind, gap: text.slice(end, index) });
    end = index + raw.length;
  }
  return tokens;
};

/** A text as its keys, with a space between. */
export const keysOf = (text: string): string =>
  tokensOf(text.normalize('NFKC'))
    .map(({ key }) => key)
    .join(' ');
