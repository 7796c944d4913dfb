import type { Contract } from '@jangada/hop/hop.ts';
import * as access from '@jangada/proto/access.ts';
import { messages } from '@jangada/proto/catalogue.ts';
import { type Head, type Message, partsOf } from '@jangada/proto/message.ts';
import * as run from '@jangada/proto/run.ts';
import { type Pass, pass } from '@jangada/trust/pass.ts';
import { heardBy } from '../topology.ts';
import { speakersOf } from './speakers.ts';

/** A message as the stream keeps it. */
export interface Kept {
  readonly subject: string;
  readonly sequence: number;
  /** When the broker stored it, ISO 8601 with up to nine decimals. */
  readonly timestamp: string;
  readonly pass: string | undefined;
  /** What it says in clear; its body is sealed, and this holds no key. */
  readonly head: string;
}

/** When the person who asked was told something, first and last. */
export interface Told {
  readonly first: string;
  readonly last: string;
  /** How often the telling began anew; 1 unless a service died midway. */
  readonly attempt: number;
}

/** One fact of a run. Times in ms. */
interface Step {
  readonly fact: string;
  readonly sequence: number;
  readonly at: string;
  /** Since the run started. */
  readonly offsetMs: number;
  /** Since the previous fact, or the start. */
  readonly tookMs: number;
  readonly saidBy: readonly string[];
  readonly outcome: string;
  readonly code?: string;
}

/** All facts of a run, in the order they were stored. */
export interface Story {
  readonly run: string;
  readonly tenant: string;
  /** Role of the person who asked. */
  readonly role: string | undefined;
  readonly startedAt: string;
  /** `pass`: the edge's clock when it signed the pass, which is not verified here. */
  readonly startedBy: 'pass' | 'first fact';
  readonly steps: readonly Step[];
  readonly told?: { readonly firstMs: number; readonly lastMs: number; readonly attempt: number };
}

const read = <M extends Message>(message: M, tell: (head: Head<M>) => string) =>
  [
    message.name,
    (json: unknown): string => {
      const parsed = message.head.safeParse(json);
      return parsed.success ? tell(parsed.data as Head<M>) : 'what it says in clear cannot be read';
    },
  ] as const;

const cached = (from: { readonly cached: boolean }): string => (from.cached ? ', cached' : '');

/** Which tools saw to the rows, and what came of each. */
const called = ({ tools = [] }: Head<typeof run.fetched>): string =>
  tools.map(({ tool, outcome, rows }) => `, ${tool} ${outcome} (${rows})`).join('');

/** What each fact decided, in few words and without data of a person. */
const outcomes: ReadonlyMap<string, (json: unknown) => string> = new Map([
  read(run.understood, ({ intent, confidence }) => `${intent} (${confidence.toFixed(2)})`),
  read(run.permitted, ({ ask, source, joins }) => `${ask} ${[source, ...joins].join(' + ')}`),
  read(run.found, (head) => `${head.rows} of ${head.matches}${cached(head)}`),
  read(run.fetched, (head) => `${head.rows} of ${head.matches}${cached(head)}${called(head)}`),
  read(run.answered, (head) => `told ${head.rows}${cached(head)}${head.degraded ? ', degraded' : ''}`),
  read(run.refused, ({ code }) => code),
  read(run.interrupted, ({ code, action }) => `${code} unless ${action}`),
  read(run.failed, ({ code, hop }) => `${code} at ${hop}`),
  read(run.cancelled, ({ hop }) => `cancelled at ${hop}`),
]);

/** Milliseconds since 1970, with the decimals that Date drops. */
const millisOf = (timestamp: string): number =>
  Date.parse(timestamp.replace(/\.\d+/, '')) + Number(/\.\d+/.exec(timestamp)?.[0] ?? 0) * 1_000;

const rounded = (ms: number): number => Math.round(ms * 10) / 10;

/** The claims that are read here; there are others, and a pass of an older release may lack some. */
const claims = pass.pick({ rol: true, iat: true, exp: true }).strip();

/** What a pass claims. Its signature is not verified: this is for reading, not for deciding. */
export const claimsOf = (statement: string | undefined): Pick<Pass, 'rol' | 'iat' | 'exp'> | undefined => {
  const payload = statement?.split('.')[0];
  if (!payload) return undefined;
  return claims.safeParse(jsonOf(Buffer.from(payload, 'base64url').toString())).data;
};

const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** Who may have said the first fact of a run: an answer lets one go on by a command, and nothing else begins with one. */
const beganBy = (
  contracts: readonly Contract[],
  first: Message,
  answers: string | undefined,
): readonly string[] =>
  speakersOf(contracts, first, answers ? access.requested : undefined).filter(
    (name) =>
      answers !== undefined ||
      !contracts.some((one) => one.name === name && heardBy(one).includes(access.requested)),
  );

/** Tells a run from its facts. `facts` are of one run and at least one. */
export const storyOf = (
  about: { readonly tenant: string; readonly id: string },
  facts: readonly [Kept, ...Kept[]],
  told: Told | undefined,
  contracts: readonly Contract[],
): Story => {
  const ordered = facts.toSorted((a, b) => a.sequence - b.sequence);
  const claimed = claimsOf(ordered.find((fact) => fact.pass)?.pass);
  const start = claimed?.iat ?? millisOf((ordered[0] ?? facts[0]).timestamp);
  const offset = (timestamp: string): number => millisOf(timestamp) - start;

  let before: { message: Message | undefined; ms: number } = { message: undefined, ms: 0 };
  const steps: Step[] = [];
  for (const kept of ordered) {
    const message = messages.find((known) => partsOf(known, kept.subject));
    const json = jsonOf(kept.head);
    const { code, hop, answers } = (json ?? {}) as { code?: string; hop?: string; answers?: string };
    const ms = offset(kept.timestamp);
    const speakers = !message
      ? []
      : before.message
        ? speakersOf(contracts, message, before.message)
        : beganBy(contracts, message, answers);
    steps.push({
      fact: message?.name ?? kept.subject,
      sequence: kept.sequence,
      at: kept.timestamp,
      offsetMs: rounded(ms),
      tookMs: rounded(ms - before.ms),
      saidBy: hop ? [hop] : speakers,
      outcome: outcomes.get(message?.name ?? '')?.(json) ?? '',
      ...(code ? { code } : {}),
    });
    before = { message, ms };
  }
  return {
    run: about.id,
    tenant: about.tenant,
    role: claimed?.rol,
    startedAt: new Date(start).toISOString(),
    startedBy: claimed ? 'pass' : 'first fact',
    steps,
    ...(told
      ? {
          told: {
            firstMs: rounded(offset(told.first)),
            lastMs: rounded(offset(told.last)),
            attempt: told.attempt,
          },
        }
      : {}),
  };
};
