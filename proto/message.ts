import type { z } from 'zod';

/** Where a message lives; decides its stream and the shape of its subject. */
export type Kind =
  /** A request that waits to be admitted: `<name>.<tenant>`, removed once taken. */
  | 'intake'
  /** Something that happened: `<name>.<tenant>.<id>`, at most one of each per id, read by audit. */
  | 'fact'
  /** What the person who asked is told: `<name>.<tenant>.<id>`, many per id, in order. */
  | 'reply'
  /** A moment that a schedule announces: `<name>.<tenant>`. */
  | 'tick';

/** One thing that can be said on the wire: a subject, a sentence and a schema. */
export interface Message<
  Name extends string = string,
  Shape extends z.ZodType = z.ZodType,
  Ends extends boolean = boolean,
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
  /** True when no other message of the run may follow: the person who asked has their answer. */
  readonly ends: Ends;
}

/** The parsed body of a message. */
export type Body<M> = M extends Message<string, infer Shape> ? z.output<Shape> : never;

/** Declares a message. The only way to make one. */
export const message = <
  const Name extends string,
  Shape extends z.ZodType,
  const Ends extends boolean = false,
>(declared: {
  readonly name: Name;
  readonly kind: Kind;
  readonly says: string;
  readonly version?: number;
  readonly body: Shape;
  readonly passed?: boolean;
  readonly ends?: Ends;
}): Message<Name, Shape, Ends> => ({ version: 1, passed: true, ends: false as Ends, ...declared });

/** Tenants and run ids stand in subjects, so they may hold no dot, star or space. */
export const token = /^[A-Za-z0-9_-]{1,64}$/;

/** The stream that stores messages of a kind. */
export const streamOf: Readonly<Record<Kind, string>> = {
  intake: 'INTAKE',
  fact: 'FACTS',
  reply: 'REPLY',
  tick: 'SCHED',
};

const perId = (message: Message): boolean => message.kind === 'fact' || message.kind === 'reply';

/** The subject of one message; `id` is the run's (or other aggregate's) and absent for intake and tick. */
export const subjectOf = (message: Message, tenant: string, id: string): string =>
  perId(message) ? `${message.name}.${tenant}.${id}` : `${message.name}.${tenant}`;

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
