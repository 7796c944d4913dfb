import { z } from 'zod';

/**
 * A plan: the only thing data-access can be asked for. The grammar is closed, so free text never becomes
 * SQL, a subject or a key, and an instruction hidden in a question or a note has nowhere to go.
 */

/** What is asked of a source. `list` returns rows; the others return figures, `share` how much of a whole something is. */
export const ask = z.enum(['list', 'count', 'total', 'perDay', 'share']);
export type Ask = z.output<typeof ask>;

/** A half-open span of time, as instants in UTC. */
export const period = z.object({ from: z.iso.datetime(), to: z.iso.datetime() });

const language = z.enum(['pt-BR', 'en']);

const days = { day: z.iso.date().optional(), time: z.iso.time({ precision: -1 }).optional() };

/**
 * A change of the agenda that a question asks for, as far as the question and those before it say it. Days and times are
 * those of the tenant's zone.
 */
export const order = z.strictObject({
  type: z.enum(['ScheduleAppointment', 'RescheduleAppointment', 'CancelAppointment']),
  /** Who is to provide what is booked, as named in the question. */
  provider: z.string().max(80).optional(),
  /** Set where that is whoever asks. */
  byMe: z.literal(true).optional(),
  /** When it is to be from now on. */
  ...days,
  minutes: z.int().min(5).max(720).optional(),
  /** When the booking is that is to be changed. */
  at: z
    .strictObject({
      ...days,
      /** Set where the question does not say so itself: it is the one that was spoken of before. */
      isSpokenOf: z.literal(true).optional(),
    })
    .optional(),
  /** What was said, which may name what is booked. */
  said: z.string().max(500),
});
export type Order = z.output<typeof order>;

export const plan = z.strictObject({
  /** The source that the answer comes from; a pack declares which exist. */
  source: z.string().max(40),
  ask,
  /** Sources joined for names and labels. Each needs its own permission. */
  joins: z.array(z.string().max(40)).max(4),
  filter: z.strictObject({
    /** A person the data is about, as named in the question. */
    subject: z.string().max(80).optional(),
    /** The id of that person, when the caller gave one. */
    subjectId: z.string().max(64).optional(),
    /** What alone identifies a person the data is about, as it stands in the question. */
    identifier: z
      .strictObject({ kind: z.enum(['cpf', 'email', 'phone']), value: z.string().max(320) })
      .optional(),
    /** A person who provides the service, as named in the question. */
    provider: z.string().max(80).optional(),
    /** The id of that person, when the caller gave one. */
    providerId: z.string().max(64).optional(),
    /** The id of the one row that is wanted. */
    row: z.string().max(64).optional(),
    /** True when the question is about the asker's own. */
    mine: z.boolean().optional(),
    period: period.optional(),
    /** The conversation that rows are of, where the source has such. */
    thread: z.string().max(64).optional(),
    /** A state that the source declares, such as confirmed or unpaid. */
    state: z.string().max(40).optional(),
    /** The language of texts, where the source has each in several. */
    language: language.optional(),
    /** What a text has to be near to, where the source is searched, or one is that is cited beside its rows. */
    nearest: z.strictObject({ text: z.string().min(1).max(2_000), language }).optional(),
    /** By facet of the source: the values, any of which rows have there. The source declares both. */
    facets: z.record(z.string().max(40), z.array(z.string().max(40)).min(1).max(12)).optional(),
    /** Smallest and largest amount, in minor units of the tenant's currency. */
    amount: z.strictObject({ min: z.int().optional(), max: z.int().optional() }).optional(),
  }),
  /** A source of texts, of which those nearest are named beside the rows. It needs its own permission. */
  cites: z.string().max(40).optional(),
  /** What is to be changed, once whoever asks has said yes to it; the rows are those that it may be about. */
  order: order.optional(),
  /** Columns wanted, all declared by the source. */
  fields: z.array(z.string().max(40)).max(20),
  limit: z.int().min(1).max(100),
  /** Opaque place to go on from, as a previous page returned it. */
  cursor: z.string().max(200).optional(),
});
export type Plan = z.output<typeof plan>;

/** Something found in the question. */
export const entity = z.object({
  type: z.enum(['subject', 'provider', 'period', 'amount', 'state', 'facet']),
  value: z.string().max(120),
});
export type Entity = z.output<typeof entity>;

/** What a question was understood to ask. */
export const intent = z.object({
  type: z.string().max(60),
  /** 0..1; only what is surer than 0.7 is accepted. */
  confidence: z.number().min(0).max(1),
  entities: z.array(entity).max(20),
  /** What the plan's sources demand, before the role's own-mapping. */
  requiredPermissions: z.array(z.string().max(60)).max(10),
  dataSources: z.array(z.string().max(40)).max(6),
});
