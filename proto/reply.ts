import { z } from 'zod';
import { clientCall } from './client-tools.ts';
import { alternativesMax, command } from './command.ts';
import { codes } from './errors.ts';
import { limitFacts } from './limit.ts';
import { message } from './message.ts';
import { ask, entity } from './plan.ts';
import { finding, locale, row, rowsMax, textsFound, usage } from './run.ts';

/**
 * What the person who asked is told, all on one subject per run so that a client that comes back to any
 * edge gets exactly the rest. Text is grouped: one message may hold several parts.
 */

/** What a run has come to so far, as its facts say it in clear: never anything of a person. */
export const progress = z
  .object({
    intent: z.string(),
    confidence: z.number(),
    source: z.string(),
    ask,
    /** How many rows the answer has, and how many match, where a list was asked for. */
    rows: z.int(),
    matches: z.int(),
    cached: z.boolean(),
    asOf: z.iso.datetime(),
  })
  .partial();

export const part = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('text'),
    /** Which telling this belongs to. A higher one replaces what a lower one said: a hop died midway. */
    attempt: z.int(),
    text: z.string(),
  }),
  z.object({
    type: z.literal('step'),
    /** The hop that the run has come to. Said only of a run whose pass wants it, once for each hop. */
    hop: z.string().max(40),
  }),
  z.object({
    type: z.literal('state'),
    /** The hop that the run has come to, and what is known when it does. Said as `step` is. */
    hop: z.string().max(40),
    progress,
  }),
  z.object({
    type: z.literal('activity'),
    /** That granted rows are being read, and that they were. Said as `step` is. */
    status: z.enum(['reading', 'read']),
    progress,
  }),
  z.object({
    type: z.literal('answered'),
    confidence: z.number(),
    usage,
    cached: z.boolean(),
    degraded: z.boolean(),
    intent: z.string(),
    nextCursor: z.string().optional(),
    /** When the rows were read, where they were remembered. */
    asOf: z.iso.datetime().optional(),
    /** What the answer lacks and why, for whoever asked, in the language of the question. */
    notices: z.array(z.string()).max(8).optional(),
    /** Whom and what the question was understood to name. */
    entities: z.array(entity).max(20).optional(),
    found: textsFound,
    /** The rows themselves, where the question was one that has a name: for whoever asked for them, and in no event. */
    rows: z.array(row).max(rowsMax).optional(),
    /** The rows as fields, where tools saw to them. */
    items: z.array(row).max(rowsMax).optional(),
    /** What follows from the rows, in words and as figures. */
    recommendation: z.object({ text: z.string().max(2_000), findings: z.array(finding).max(8) }).optional(),
    /** What of the client's shows it, where it offers something that the pack allows. */
    call: clientCall.optional(),
  }),
  z.object({
    type: z.literal('refused'),
    code: z.enum(codes),
    message: z.string(),
    intent: z.string().optional(),
    limit: limitFacts.optional(),
    /** What of the question is at fault, where one thing is; never what was in it. */
    field: z.string().optional(),
    /** When it would be possible instead, soonest first. */
    alternatives: z.array(z.iso.datetime()).max(alternativesMax).optional(),
  }),
  z.object({
    type: z.literal('interrupted'),
    /** Names the interrupt: the run that it interrupted. */
    id: z.string(),
    /** What a yes lets happen. */
    action: z.enum(['break_glass', 'change_agenda']),
    code: z.enum(codes),
    message: z.string(),
    /** The same one by one, as they are called in the language of the question. */
    facts: z
      .array(z.object({ name: z.string().max(40), value: z.string().max(400) }))
      .max(8)
      .optional(),
    /** What a yes has carried out, where that is a command on the agenda, and the language that it is answered in. */
    order: command.optional(),
    locale: locale.optional(),
    intent: z.string().optional(),
    /** As the question named it; the answer is for the same. */
    purpose: z.string().optional(),
    /** JSON Schema of the answer that lets it go on. */
    responseSchema: z.record(z.string(), z.unknown()),
    expiresAt: z.iso.datetime(),
  }),
  z.object({ type: z.literal('failed'), code: z.enum(codes), message: z.string() }),
  z.object({ type: z.literal('cancelled') }),
]);
export type Part = z.output<typeof part>;

export const reply = message({
  name: 'reply',
  kind: 'reply',
  passed: false,
  says: 'A piece of the answer, or how the run ended, is ready for the person who asked.',
  body: z.object({ parts: z.array(part).min(1) }),
  sealed: {
    head: z.object({ attempt: z.int() }),
    headOf: ({ parts }) => ({
      attempt: Math.max(1, ...parts.map((part) => (part.type === 'text' ? part.attempt : 1))),
    }),
  },
});

/** A part that others may follow. */
type Going = Extract<Part, { type: 'text' | 'step' | 'state' | 'activity' }>;
const going: ReadonlySet<Part['type']> = new Set<Going['type']>(['text', 'step', 'state', 'activity']);

/** A part that nothing follows. */
export type End = Exclude<Part, Going>;
export const isEnd = (part: Part): part is End => !going.has(part.type);
