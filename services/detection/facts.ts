import { changed } from '@jangada/proto/access.ts';
import * as run from '@jangada/proto/run.ts';
import { z } from 'zod';

/** What rules look at, of one person: as it was heard, or as audit kept it, which is the same. */
export type Fact = {
  /** In the stream of facts. */
  readonly sequence: number;
  /** When the broker stored it, in ms since 1970. */
  readonly at: number;
  /** The tenant's, by which there are hours of day. */
  readonly zone: string;
  readonly session: string | null;
} & (
  | {
      readonly kind: 'read';
      /** Whom rows were about, by pseudonyms; of a figure, nobody. */
      readonly people: readonly string[];
      readonly named?: string | undefined;
      readonly next?: string | undefined;
    }
  | { readonly kind: 'refused'; readonly code: string; readonly isAttack: boolean }
  | { readonly kind: 'emergency' }
);

/** An entry of the trail, or what one would be made of. */
export interface Entry {
  readonly fact: string;
  readonly sequence: number;
  readonly at: Date;
  readonly role: string | null;
  readonly session: string | null;
  readonly code: string | null;
  readonly details: unknown;
}

const known = z.looseObject({
  people: run.people.optional(),
  attack: z.string().optional(),
  action: z.string().optional(),
  answers: z.string().optional(),
});

const readings: readonly string[] = [run.fetched.name, run.answered.name];
const isEmergency = (fact: string, { action, answers }: z.output<typeof known>): boolean =>
  (fact === changed.name && action === 'break_glass') ||
  (fact === run.understood.name && answers !== undefined);

/** Undefined for what no rule looks at. Visitors are nobody, and read about nobody. */
export const factOf = (entry: Entry, zone: string): Fact | undefined => {
  const { fact, sequence, at, role, session, code } = entry;
  const details = known.safeParse(entry.details).data;
  if (!details || role === 'public') return undefined;
  const shared = { sequence, at: at.getTime(), zone, session };
  if (isEmergency(fact, details)) return { ...shared, kind: 'emergency' };
  if (code !== null) return { ...shared, kind: 'refused', code, isAttack: details.attack !== undefined };
  // Of an answer that is its rows; any other was fetched before.
  const isReading = readings.includes(fact) && (fact !== run.answered.name || details.people !== undefined);
  if (!isReading) return undefined;
  const { seen = [], named, next } = details.people ?? {};
  return { ...shared, kind: 'read', people: seen, named, next };
};
