import type { Locale } from '@jangada/proto/errors.ts';
import { questionMaxLength } from '@jangada/proto/run.ts';
import { Refusal } from './refusal.ts';

/** Line breaks and other spaces part words; they are not removed but become one. */
const spaces = /\s+/gu;
/** Control, formatting (zero-width, bidirectional), half and default-ignorable characters: nothing one can see. */
const unseen = /[\p{Cc}\p{Cf}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu;

/**
 * The text of a question as everybody after the door knows it: NFC, on one line, of visible characters. Accents stay.
 * Its length is looked at first: composing is only linear where somebody bounds it.
 * @throws Refusal PAYLOAD_TOO_LARGE, INPUT_INVALID where nothing is left to ask
 */
export const readQuestion = (given: string, locale: Locale): string => {
  if (given.length > questionMaxLength) throw new Refusal('PAYLOAD_TOO_LARGE', { locale });
  const text = given.replace(spaces, ' ').replace(unseen, '').normalize('NFC').trim();
  if (text === '') throw new Refusal('INPUT_INVALID', { locale });
  // Some characters compose to longer ones.
  if (text.length > questionMaxLength) throw new Refusal('PAYLOAD_TOO_LARGE', { locale });
  return text;
};
