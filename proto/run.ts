import { z } from 'zod';
import { codes } from './errors.ts';
import { limitFacts } from './limit.ts';
import { message } from './message.ts';
import { ask, intent, type Plan, plan } from './plan.ts';

/** A question's life, one message per fact. Reading `run.*.<tenant>.<run>` in order is the whole story. */

export const locale = z.enum(['en', 'pt-BR']);

/** Longest question, in characters. */
export const questionMaxLength = 2_000;

const question = z.string().min(1).max(questionMaxLength);

const subjectId = z.string().max(64);
const cursor = z.string().max(200).optional();
/** Set where whoever asked can be asked back. */
const canAnswer = z.literal(true).optional();

/** Questions of a conversation that one more can follow. */
export const earlierMax = 4;
/** What was asked before in the same conversation, oldest first: a question may leave out what they say. */
export const earlier = z
  .array(
    z.object({
      question,
      /** In ms since 1970: days are told from then on. */
      at: z.int(),
    }),
  )
  .max(earlierMax);
export type Earlier = z.output<typeof earlier>;

/** A question that the system has a name for, as it was asked until the edge said itself what such a one means. */
const named = z.object({
  about: z.enum(['consents']),
  /** The id of the person it is about. */
  subjectId: subjectId.min(1),
  cursor,
});
export type NamedQuestion = z.output<typeof named>;

export const requested = message({
  name: 'run.requested',
  kind: 'intake',
  says: 'A signed-in person asked a question and the edge admitted it.',
  body: z.union([
    z.object({
      question,
      /** The id of the person the question is about, when the caller names one beside the text. */
      subjectId: subjectId.optional(),
      cursor,
      canAnswer,
      earlier: earlier.optional(),
    }),
    named,
  ]),
  sealed: { head: z.object({}), headOf: () => ({}) },
});

/** What the hash of a pass covers: the text of a question, and all of one that has a name. */
export const hashedTextOf = (body: z.output<typeof requested.body>): string =>
  'about' in body ? JSON.stringify(body) : body.question;

/** As `hashedTextOf`, of what has a name, by its plan: which fields and how many rows follow from the name. */
export const listedTextOf = ({ source: about, filter, cursor }: Plan): string => {
  const { subjectId, providerId, row, state, period, thread } = filter;
  return JSON.stringify({ about, subjectId, providerId, row, state, period, thread, cursor });
};

/** Of what was asked, what later messages carry: its text. One that has a name has none. */
const asked = question.optional();

/** What a plan asks for, without whom it is about. */
const asking = z.object({
  intent: z.string(),
  confidence: z.number(),
  source: z.string(),
  ask: z.string(),
  fields: z.array(z.string()),
  joins: z.array(z.string()),
  /** Of texts that are named beside the rows; absent where none are looked for. */
  cites: z.string().optional(),
});
const askingOf = (body: {
  intent: z.output<typeof intent>;
  plan: z.output<typeof plan>;
}): z.output<typeof asking> => {
  const { source, ask, fields, joins, cites } = body.plan;
  const { type, confidence } = body.intent;
  return { intent: type, confidence, source, ask, fields, joins, ...(cites === undefined ? {} : { cites }) };
};

export const understood = message({
  name: 'run.understood',
  kind: 'fact',
  says: 'The question has an intent and a plan from the closed grammar.',
  body: z.object({
    question: asked,
    locale,
    intent,
    plan,
    canAnswer,
    /** The run that was interrupted, and that the person's answer lets go on as this one. */
    answers: z.string().max(64).optional(),
  }),
  sealed: {
    head: asking.extend({ answers: z.string().optional() }),
    headOf: (body) => ({ ...askingOf(body), ...(body.answers ? { answers: body.answers } : {}) }),
  },
});

/** What a decision stands on, kept by audit: rules, kinds and flags, never a person. */
export const decision = z.object({
  /** `<pack>@<version>#<hash>` of the rules that decided. */
  policy: z.string().max(120),
  purpose: z.string().max(40),
  /** The check that refused; absent where all passed. */
  refusedBy: z.enum(['role', 'purpose', 'relation', 'consent', 'group']).optional(),
  /** Whose rows were granted. */
  reach: z.enum(['tenant', 'related', 'own']).optional(),
  /** The least consent that whom the rows are about must have given; absent where none is needed. */
  consent: z.string().max(40).optional(),
  /** People there must be behind each figure; absent where rows may be listed. */
  groupMin: z.int().optional(),
  flags: z.object({
    /** False where the law's own conditions, purpose and consent, are what refused. */
    lgpdCompliant: z.boolean(),
    /** True when the question said its purpose itself; otherwise it is the pack's default. */
    purposeSpecified: z.boolean(),
    /** Only fields that the answer shows are read. */
    dataMinimized: z.boolean(),
    /** The pack says how long such data is kept. */
    retentionPolicy: z.boolean(),
  }),
});
export type Decision = z.output<typeof decision>;

export const permitted = message({
  name: 'run.permitted',
  kind: 'fact',
  says: 'The plan is allowed within the grant that travels with this message.',
  body: z.object({ question: asked, locale, intent, plan, decision: decision.optional() }),
  sealed: {
    head: asking.extend({ decision: decision.optional() }),
    headOf: (body) => ({ ...askingOf(body), ...(body.decision ? { decision: body.decision } : {}) }),
  },
});

/** One row of an answer: declared columns only, values as JSON. */
export const row = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]));
export type Row = z.output<typeof row>;

/** Most rows that one answer holds. */
export const rowsMax = 100;

/** Texts that are named beside an answer at most. */
export const citedMax = 5;
/** A text that is named beside the rows: where to read on. */
export const citation = z.object({ id: z.string().max(200), title: z.string().max(400) });

/** Where rows were remembered that were not read: in memory of the service, or shared. */
const tier = z.enum(['local', 'redis']).optional();
/** What a question was narrowed to by its words, in the source's own, where the source is about nobody. */
const topics = z.array(z.string().max(40)).max(40).optional();
/** Set where whoever asks for that may want to become what the tenant is there for. */
const interest = z.literal(true).optional();
const pseudonym = z.string().max(24);
/** Whom rows are about, by keyed hashes that only the tenant's own key makes; absent where they are about nobody. */
export const people = z.object({
  /** Each once, in the order of the rows. */
  seen: z.array(pseudonym).max(rowsMax),
  /** Who was named by id, and whoever has the id that follows: ids that are tried one after the other show in no other way. */
  named: pseudonym.optional(),
  next: pseudonym.optional(),
});
export type People = z.output<typeof people>;

/** Providers of one name who are told apart. */
export const providersMax = 5;
/** What beside its rows is known of what an order is about. */
export const arrangement = z.object({
  /** Whom its provider may be. */
  providers: z.array(z.object({ id: z.string().max(64), name: z.string().max(200) })).max(providersMax),
  /** What of the tenant's services it names. */
  service: z.object({ name: z.string().max(100), minutes: z.int() }).optional(),
});
export type Arrangement = z.output<typeof arrangement>;

/** Rows as they were read, and what was to be read. */
const read = z.object({
  question: asked,
  locale,
  intent,
  plan,
  /** However many: a row too many is held against the grant, as the breach that it is, and not against a form. */
  rows: z.array(row),
  /** Texts named beside the rows, the nearest first; absent where none were looked for. */
  cited: z.array(citation).optional(),
  /** Absent where nothing is to be changed. */
  arrangement: arrangement.optional(),
  /** How many rows match in all, where the plan asks for a list. */
  matches: z.int(),
  nextCursor: z.string().max(200).optional(),
  cached: z.boolean(),
  /** When the rows were read from the database. */
  asOf: z.iso.datetime(),
  tier,
  topics,
  interest,
  people: people.optional(),
});
const reading = asking.extend({
  rows: z.int(),
  matches: z.int(),
  cached: z.boolean(),
  /** Absent of those of before. */
  asOf: z.iso.datetime().optional(),
  tier,
  topics,
  interest,
  people: people.optional(),
});
const readingOf = (body: z.output<typeof read>): z.output<typeof reading> => {
  const { rows, matches, cached, asOf, tier: place, topics: named, interest: shown, people: whom } = body;
  return {
    ...askingOf(body),
    ...{ rows: rows.length, matches, cached, asOf },
    ...(place ? { tier: place } : {}),
    ...(named ? { topics: named } : {}),
    ...(shown ? { interest: shown } : {}),
    ...(whom ? { people: whom } : {}),
  };
};

export const found = message({
  name: 'run.found',
  kind: 'fact',
  says: 'The granted rows were read under row-level security, and tools see to them before they are told; this record came before their release.',
  body: read,
  sealed: { head: reading, headOf: readingOf },
});

/** What one tool did for an answer. */
export const toolCall = z.object({
  tool: z.string().max(40),
  /**
   * Of a tool that asks outside: `fresh` it answered; `remembered` it did a little before; `stale` it is away and what it
   * said last is told; `away` there is not even that; `unset` nobody said where it is to ask. Of one that does not: `done`.
   */
  outcome: z.enum(['fresh', 'remembered', 'stale', 'away', 'unset', 'done']),
  /** Rows that it gave or looked at. */
  rows: z.int(),
  /** The oldest day that what is told is of, where the tool could not bring it up to date. */
  since: z.iso.date().optional(),
});
export type ToolCall = z.output<typeof toolCall>;

/** What a tool found out about one of the rows. */
export const finding = z.object({
  /** Which words tell it; the pack has them. */
  kind: z.string().max(40),
  /** The place of the row, from 0. */
  row: z.int().min(0),
  figures: z.record(z.string().max(40), z.number()),
});
export type Finding = z.output<typeof finding>;
const findings = z.array(finding).max(8).optional();
const toolCalls = z.array(toolCall).max(8).optional();

export const fetched = message({
  name: 'run.fetched',
  kind: 'fact',
  says: 'The granted rows were read under row-level security; this record came before their release.',
  body: read.extend({
    /** In the order in which they were called; absent where none was. */
    tools: toolCalls,
    findings,
  }),
  sealed: {
    head: reading.extend({ tools: toolCalls }),
    headOf: (body) => ({ ...readingOf(body), ...(body.tools ? { tools: body.tools } : {}) }),
  },
});

/** Units of model work; zero where no model was asked. */
export const usage = z.object({
  promptTokens: z.int(),
  completionTokens: z.int(),
  totalTokens: z.int(),
  processingTimeMs: z.int(),
});
export type Usage = z.output<typeof usage>;

/** What was read for an answer that is its rows; of any other, `run.fetched` has said it. */
const shown = z.object({ source: z.string(), ask, fields: z.array(z.string()) });

/** Texts near to the question, where such were looked for: 0 is a question that nobody has written an answer to. */
export const textsFound = z.int().min(0).optional();

export const answered = message({
  name: 'run.answered',
  kind: 'fact',
  says: 'The whole answer is stored for the person who asked. Its text is only in the reply.',
  ends: true,
  body: z.object({
    intent: z.string(),
    confidence: z.number(),
    rows: z.int(),
    cached: z.boolean(),
    degraded: z.boolean(),
    usage,
    read: shown.optional(),
    people: people.optional(),
    found: textsFound,
  }),
  sealed: {
    head: z.object({
      rows: z.int(),
      cached: z.boolean(),
      degraded: z.boolean(),
      read: shown.optional(),
      people: people.optional(),
      found: textsFound,
    }),
    headOf: ({ rows, cached, degraded, read, people: whom, found: texts }) => ({
      ...{ rows, cached, degraded },
      ...(read ? { read } : {}),
      ...(whom ? { people: whom } : {}),
      ...(texts === undefined ? {} : { found: texts }),
    }),
  },
});

export const refused = message({
  name: 'run.refused',
  kind: 'fact',
  says: 'The question stopped because of who asked or what was asked; nothing that was asked for is told.',
  ends: true,
  body: z.object({
    code: z.enum(codes),
    locale,
    intent: z.string().optional(),
    decision: decision.optional(),
    /** Present where a limit refused. */
    limit: limitFacts.optional(),
    /** What the question tried, where that is why: a word of the guard's. */
    attack: z.string().max(40).optional(),
  }),
  sealed: {
    head: z.object({
      code: z.enum(codes),
      intent: z.string().optional(),
      decision: decision.optional(),
      attack: z.string().max(40).optional(),
    }),
    headOf: ({ code, intent, decision, attack }) => ({
      code,
      ...(attack ? { attack } : {}),
      ...(intent ? { intent } : {}),
      ...(decision ? { decision } : {}),
    }),
  },
});

export const interrupted = message({
  name: 'run.interrupted',
  kind: 'fact',
  says: 'The question waits for an answer of whoever asked it, and goes no further without one.',
  ends: true,
  body: z.object({
    /** What it is refused with unless it is answered. */
    code: z.enum(codes),
    locale,
    intent: z.string(),
    /** Absent where nothing is missing but the answer. */
    decision: decision.optional(),
    /** What a yes lets happen. */
    action: z.enum(['break_glass', 'change_agenda']),
    /** Until when it may be answered. */
    expiresAt: z.iso.datetime(),
  }),
});

export const failed = message({
  name: 'run.failed',
  kind: 'fact',
  says: 'The question stopped because of us: a deadline, an outage or a message that cannot be processed.',
  ends: true,
  body: z.object({ code: z.enum(codes), locale, hop: z.string() }),
  sealed: {
    head: z.object({ code: z.enum(codes), hop: z.string() }),
    headOf: ({ code, hop }) => ({ code, hop }),
  },
});

export const cancelled = message({
  name: 'run.cancelled',
  kind: 'fact',
  says: 'The person who asked stopped the run before its answer.',
  ends: true,
  body: z.object({ locale, hop: z.string() }),
  sealed: { head: z.object({ hop: z.string() }), headOf: ({ hop }) => ({ hop }) },
});

/** Every fact that can end a run, from whatever hop. */
export const endings = [answered, refused, interrupted, failed, cancelled] as const;
