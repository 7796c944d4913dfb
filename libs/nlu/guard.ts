import { isSpelledOut, readings } from './disguise.ts';
import { ownRules, type Rules, type Violation } from './guard-rules.ts';
import { canonical, fold, words } from './text.ts';

/**
 * Does a question try to command whoever reads it? A signal and a quick refusal, never the gate: what a question may
 * reach is decided by plan and grant, whatever it says.
 */

export const levels = ['OFF', 'LOW', 'STANDARD', 'MAXIMUM'] as const;
export type Level = (typeof levels)[number];

export interface Judgement {
  /** 0 to 1: how surely the text is an attack. */
  readonly score: number;
  /** What speaks most for it; undefined where nothing does. */
  readonly violation: Violation | undefined;
}

/** From which score on a question is refused. */
export const refusedFrom: Readonly<Record<Level, number>> = {
  /** Nothing is. */
  OFF: Number.POSITIVE_INFINITY,
  /** Only what can hardly be anything else. */
  LOW: 0.9,
  STANDARD: 0.7,
  /** Also what is merely suspicious. */
  MAXIMUM: 0.4,
};

/** How a text is judged. */
export interface Means {
  readonly rules?: Rules;
  /** True of a text that is about what is asked here. Asked only where it matters. */
  readonly isOurs?: (text: string) => boolean;
}

/** A sign that had to be uncovered was covered for a reason. */
const hiddenWeight = 0.95;
const spelledWeight = 0.8;

/** What is suspicious by itself is an attack where it stands in something that is about nothing asked here. */
const suspiciousFrom = 0.3;
const strangeSignWeight = 0.6;
/** What is long and about something else. */
const strangeWeight = 0.4;
/** Words that a text has at least before it is too strange; greetings and reasons are shorter. */
const strangeWords = 12;

/** Judges a text as it came, before anything is made of it. */
export const judge = (text: string, { rules = ownRules, isOurs }: Means = {}): Judgement => {
  const found = judgeSigns(text, rules);
  if (!isOurs || found.score >= refusedFrom.LOW) return found;
  return judgePieces(text, found, rules, isOurs);
};

const judgeSigns = (text: string, rules: Rules): Judgement => {
  const { plain, hidden } = readings(text);
  const open = weigh(plain, rules);
  const covered = hidden
    .map((reading) => weigh(reading, rules))
    .find((found) => found.score >= refusedFrom.MAXIMUM && found.score > open.score);
  if (!covered && isSpelledOut(plain))
    return { score: Math.max(open.score, spelledWeight), violation: open.violation ?? 'code' };
  if (!covered) return open;
  return { score: Math.max(open.score, hiddenWeight), violation: covered.violation };
};

/** Piece by piece: an attack may stand behind a question that is asked here every day. */
const judgePieces = (
  text: string,
  whole: Judgement,
  rules: Rules,
  isOurs: NonNullable<Means['isOurs']>,
): Judgement => {
  const isLong = (piece: string): boolean => words(piece).length >= strangeWords;
  let { score, violation } = whole;
  const doubtful = whole.score >= suspiciousFrom;
  if (!doubtful && !isLong(canonical(text))) return whole;
  for (const piece of piecesOf(text)) {
    const sign = doubtful ? weigh(fold(piece), rules) : { score: 0, violation: undefined };
    const weight = sign.score >= suspiciousFrom ? strangeSignWeight : isLong(piece) ? strangeWeight : 0;
    const raised = 1 - (1 - Math.max(sign.score, whole.score)) * (1 - weight);
    if (weight === 0 || raised <= score || isOurs(piece)) continue;
    score = raised;
    violation = sign.violation ?? whole.violation ?? 'out_of_domain';
  }
  return { score, violation };
};

const sentenceEnd = /[.!?;:\n]+(?=\s|$)/u;

/** Sentences, canonical, and of long ones windows that overlap by half. */
const piecesOf = (text: string): string[] =>
  text.split(sentenceEnd).flatMap((sentence) => {
    const piece = canonical(sentence);
    const parts = piece.split(' ');
    if (parts.length <= 2 * strangeWords) return piece ? [piece] : [];
    const windows = Math.ceil(parts.length / strangeWords) * 2 - 1;
    return Array.from({ length: windows }, (_, at) =>
      parts.slice((at * strangeWords) / 2, (at * strangeWords) / 2 + strangeWords).join(' '),
    ).filter((window) => window !== '');
  });

/** score = 1 − Π(1 − weight) over the signs found, as of intents; each kind counts once, by its strongest sign. */
const weigh = (text: string, { signs, reported }: Rules): Judgement => {
  const strongest = new Map<Violation, number>();
  const phrase = words(text).join(' ');
  for (const { within, violation, weight, pattern } of signs) {
    if ((strongest.get(violation) ?? 0) >= weight) continue;
    const sought = within === 'words' ? phrase : text;
    const found = pattern.exec(sought);
    if (!found) continue;
    // What somebody else asked for is told, not commanded.
    const told = violation === 'instruction_override' && reported.test(sought.slice(0, found.index));
    strongest.set(violation, Math.max(strongest.get(violation) ?? 0, told ? weight / 3 : weight));
  }
  let doubt = 1;
  let worst: [Violation | undefined, number] = [undefined, 0];
  for (const [violation, weight] of strongest) {
    doubt *= 1 - weight;
    if (weight > worst[1]) worst = [violation, weight];
  }
  return { score: 1 - doubt, violation: worst[0] };
};
