import type { Body, Message } from '@jangada/proto/message.ts';
import type { Part } from '@jangada/proto/reply.ts';
import type { Policy } from './policy.ts';

/**
 * Tables that packs declare, by what a service does with them, so that a contract names no domain:
 * `sources` are read to answer, `subjects` and
 * `providers` are looked up by name or id, `aged` are read and deleted by their rules,
 * `held` are read, changed and deleted where the person asks whom they are about.
 */
export type PackTables = 'sources' | 'subjects' | 'providers' | 'aged' | 'thinned' | 'held';

/** A service that turns one message into another. Declared once; everything else is generated from it. */
export interface Hop<I extends Message = Message, O extends Message = Message> {
  readonly kind: 'hop';
  readonly name: string;
  readonly on: I;
  readonly emits: readonly O[];
  readonly policy: Policy;
  /** Tables it may SELECT from; becomes its database role and nothing else does. */
  readonly reads: readonly string[];
  readonly packTables: readonly PackTables[];
  /** Tables it may change; the effect is in PostgreSQL, under a unique key, before the outcome is said. */
  readonly writes: Writes;
  /** Roots of trust this hop checks before it parses, beside the pass. */
  readonly demands: readonly 'grant'[];
  /** Events that it appends to, and reads again before it decides. */
  readonly appends: readonly Message[];
  /** True when the hop tells the person who asked something before its outcome. */
  readonly tells: boolean;
  /** True when it counts against limits, and so may read what an operator has set of them. */
  readonly limits: boolean;
  /**
   * Services that a run can do without, by name, with what they hear: whether one is there it may ask the broker, and a run
   * does not wait for it.
   */
  readonly spares: Readonly<Record<string, Message>>;
}

/** A service that keeps what it hears: the effect is in PostgreSQL, under a unique key. */
export interface Sink<I extends Message = Message, O extends Message = Message> {
  readonly kind: 'sink';
  readonly name: string;
  readonly on: readonly I[];
  readonly emits: readonly O[];
  readonly policy: Policy;
  readonly reads: readonly string[];
  readonly packTables: readonly PackTables[];
  readonly writes: Writes;
  /**
   * How long what comes is gathered, in ms: a commit, a write and a wake-up then serve many records. Short where somebody waits
   * for what is kept.
   */
  readonly gatherMs: number;
  /**
   * True when it keeps what people said, and so opens the bodies of what it hears. All others see what is said in clear
   * and hold no key of bodies.
   */
  readonly opens: boolean;
  /** Messages of its stream that it reads one by one, beside those that its consumer brings. */
  readonly follows: readonly Message[];
  /** Columns, by table, of which it reads whether a row is there, and nothing else of it. */
  readonly finds: Readonly<Record<string, readonly string[]>>;
  /** Functions of the database that it may call, with their schema. */
  readonly calls: readonly string[];
  /** True when it keeps the dead letters for those who administer, and so may read them and send them on their way again. */
  readonly replays: boolean;
  /** True when it destroys keys and data of people, and so tells every service to forget what it remembers of them. */
  readonly erases: boolean;
  /** True when it chains what it keeps, whosever it is, and says how far the chains have come. */
  readonly seals: boolean;
}

/** Commands by table. */
type Writes = Readonly<Record<string, readonly ('insert' | 'update' | 'delete')[]>>;

/** A service on the border: messages enter here by a person's request, not by a consumer. */
export interface Border<O extends Message = Message> {
  readonly kind: 'border';
  readonly name: string;
  readonly emits: readonly O[];
  /** Streams whose messages it may read one by one. */
  readonly follows: readonly Message[];
  readonly policy: Policy;
  /** What it does not write it reads of every tenant: at log-in nobody is known yet, and the border is who finds out. */
  readonly reads: readonly string[];
  readonly packTables: readonly PackTables[];
  /** True when it counts against limits, and so may read what an operator has set of them. */
  readonly limits: boolean;
  /** Tables of what it finds out; also for reading, within the tenant it speaks for. */
  readonly writes: Writes;
  /**
   * True when it tells how much waits for each service and what died, and so may ask the broker of every consumer, but not
   * read one, and whoever keeps the dead letters.
   */
  readonly watches: boolean;
  /** Columns, by table, of what it shows a tenant's own people, within the tenant it speaks for. */
  readonly shows: Readonly<Record<string, readonly string[]>>;
}

export type Contract = Hop | Sink | Border;

/** One message to be published, with its body. */
export interface Emission<M extends Message = Message> {
  readonly message: M;
  readonly body: Body<M>;
  /** A signed grant to travel with it. */
  readonly grant?: Promise<string>;
  /** What the person who asked is told with it, where the message alone does not say. */
  readonly tell?: Part;
}

export type In<H> = H extends Hop<infer I, infer _O> ? Body<I> : never;
export type Out<H> = H extends Hop<infer _I, infer O> ? (O extends Message ? Emission<O> : never) : never;

/** What a hop's handler decides, from the body and the facts gathered: pure. */
export type Decide<H, Facts> = (body: In<H>, facts: Facts) => Out<H>;

type Seldom = 'reads' | 'packTables' | 'writes' | 'demands' | 'appends' | 'tells' | 'limits' | 'spares';

type HopDeclaration<I extends Message, O extends Message> = Omit<Hop<I, O>, 'kind' | Seldom> &
  Partial<Pick<Hop<I, O>, Seldom>>;

/** Declares a hop. Emitting anything that is not in `emits` fails to compile, and the broker refuses it too. */
export const hop = <I extends Message, const O extends Message>(
  declared: HopDeclaration<I, O>,
): Hop<I, O> => ({
  reads: [],
  packTables: [],
  writes: {},
  demands: [],
  appends: [],
  tells: false,
  limits: false,
  spares: {},
  ...declared,
  kind: 'hop',
});

type Rarely =
  | 'packTables'
  | 'gatherMs'
  | 'opens'
  | 'replays'
  | 'erases'
  | 'seals'
  | 'follows'
  | 'finds'
  | 'calls';

/** Declares a sink. */
export const sink = <I extends Message, const O extends Message = never>(
  declared: Omit<Sink<I, O>, 'kind' | Rarely> & Partial<Pick<Sink, Rarely>>,
): Sink<I, O> => ({
  packTables: [],
  gatherMs: 20,
  opens: false,
  replays: false,
  erases: false,
  seals: false,
  follows: [],
  finds: {},
  calls: [],
  ...declared,
  kind: 'sink',
});

/** Declares a border service. */
export const border = <const O extends Message>(
  declared: Omit<Border<O>, 'kind' | 'packTables' | 'limits' | 'writes' | 'watches' | 'shows'> &
    Partial<Pick<Border, 'packTables' | 'limits' | 'writes' | 'watches' | 'shows'>>,
): Border<O> => ({
  packTables: [],
  limits: false,
  writes: {},
  watches: false,
  shows: {},
  ...declared,
  kind: 'border',
});

/** Pairs a message with its body; the compiler checks one against the other. */
export const emit = <M extends Message>(
  message: M,
  body: Body<M>,
  beside: Pick<Emission, 'grant' | 'tell'> = {},
): Emission<M> => ({ message, body, ...beside });
