import type { z } from 'zod';

/** Where a message lives; decides its stream and the shape of its subject. */
export type Kind =
  /** A request that waits to be admitted: `<name>.<tenant>`, removed once taken. */
  | 'intake'
  /** Something that happened: `<name>.<tenant>.<id>`, at most one of each per id, read by audit. */
  | 'fact'
  /** What is kept for the person who asked: `<name>.<tenant>.<id>`, many per id, in order. */
  | 'reply'
  /** What an aggregate came to: `<name>.<tenant>.<id>`, many per id, each after the one that its writer had seen; never removed. */
  | 'event'
  /** A moment that a schedule announces: `<name>.<tenant>`. */
  | 'tick';

/** One thing that can be said on the wire: a subject, a sentence and a schema. */
export interface Message<
  Name extends string = string,
  Shape extends z.ZodType = z.ZodType,
  Ends extends boolean = boolean,
  HeadShape extends z.ZodType = z.ZodType,
> {
  readonly name: Name;
  readonly kind: Kind;
  /** One sentence: what is true once this message is stored. */
  readonly says: string;
  /** Raised when an old reader could misread a new body; old samples must still parse. */
  readonly version: number;
  readonly body: Shape;
  /** True when it carries the pass of the person who asked; false when a service or the clock speaks. */
  readonly passed: boolean;
  /** Of a tick: set where each schedule is for something of a tenant, and has a name of its own; else there is one for the tenant. */
  readonly each?: true;
  /** Who says it where no service does: the operator, by the command line. */
  readonly by?: 'operator';
  /** True when no other message of the run may follow: the person who asked has their answer. */
  readonly ends: Ends;
  /** True when the body holds personal data, and so is encrypted for its tenant wherever it is stored. */
  readonly sealed: boolean;
  /**
   * What stays readable of a sealed body, in a header: for audit and for operators, who hold no key of bodies. Never
   * personal data. Of an unsealed message it is the body.
   */
  readonly head: HeadShape;
  headOf(body: z.output<Shape>): z.output<HeadShape>;
}

/** The parsed body of a message. */
export type Body<M> = M extends Message<string, infer Shape> ? z.output<Shape> : never;

/** What everybody who may read the message may know of it. */
export type Head<M> = M extends Message<string, z.ZodType, boolean, infer Shape> ? z.output<Shape> : never;

/** Declares a message. The only way to make one. */
export const message = <
  const Name extends string,
  Shape extends z.ZodType,
  const Ends extends boolean = false,
  HeadShape extends z.ZodType = Shape,
>(declared: {
  readonly name: Name;
  readonly kind: Kind;
  readonly says: string;
  readonly version?: number;
  readonly body: Shape;
  readonly passed?: boolean;
  readonly ends?: Ends;
  readonly each?: true;
  readonly by?: 'operator';
  /** A body with personal data is sealed, and then says what of it stays readable. */
  readonly sealed?: { readonly head: HeadShape; headOf(body: z.output<Shape>): z.output<HeadShape> };
}): Message<Name, Shape, Ends, HeadShape> => {
  const open = { head: declared.body as z.ZodType as HeadShape, headOf: (body: unknown) => body };
  const { head, headOf } = declared.sealed ?? (open as NonNullable<typeof declared.sealed>);
  const fallback = { version: 1, passed: true, ends: false as Ends };
  return { ...fallback, ...declared, sealed: declared.sealed !== undefined, head, headOf };
};

/** Tenants and run ids stand in subjects, so they may hold no dot, star or space. */
export const token = /^[A-Za-z0-9_-]{1,64}$/;

/** The stream that stores messages of a kind. */
export const streamOf: Readonly<Record<Kind, string>> = {
  intake: 'INTAKE',
  fact: 'FACTS',
  reply: 'REPLY',
  event: 'EVENTS',
  tick: 'SCHED',
};

/** The streams of messages, in their order. */
export const streamsOf = (messages: readonly Message[]): readonly string[] => [
  ...new Set(messages.map(({ kind }) => streamOf[kind])),
];

const perId = ({ kind }: Message): boolean => kind === 'fact' || kind === 'reply' || kind === 'event';

/** The subject of one message; `id` is the run's (or other aggregate's) and absent for intake and tick. */
export const subjectOf = (message: Message, tenant: string, id: string): string =>
  perId(message) ? `${message.name}.${tenant}.${id}` : `${message.name}.${tenant}`;

/** Where the schedule of a tick lives, as the broker names it in what it fires; `name` is that of one for something of a tenant. */
export const scheduleOf = (tick: Message, tenant: string, name?: string): string =>
  `sched.${tick.name.slice('tick.'.length)}.${tenant}${tick.each ? `.${name}` : ''}`;

/** Whether what fired is a schedule of a tick, for a tenant or something of it. */
export const isScheduleOf = (tick: Message, tenant: string, schedule: string): boolean => {
  if (!tick.each) return schedule === scheduleOf(tick, tenant);
  return schedule.startsWith(scheduleOf(tick, tenant, ''));
};

/** The wildcard that matches every subject of a message. */
export const filterOf = (message: Message): string =>
  perId(message) ? `${message.name}.*.*` : `${message.name}.*`;

/** Tenant and id that a subject of `message` names; undefined when it is not one. */
export const partsOf = (
  message: Message,
  subject: string,
): { tenant: string; id: string | undefined } | undefined => {
  if (!subject.startsWith(`${message.name}.`)) return undefined;
  const [tenant, id, ...rest] = subject.slice(message.name.length + 1).split('.');
  if (!tenant || rest.length > 0 || perId(message) === (id === undefined)) return undefined;
  return { tenant, id };
};
