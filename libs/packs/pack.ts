import type { Declared } from '@jangada/agenda/declared.ts';
import type { Rule } from '@jangada/proto/alert.ts';
import type { ClientTool } from '@jangada/proto/client-tools.ts';
import type { Command } from '@jangada/proto/command.ts';
import type { Ask, Order } from '@jangada/proto/plan.ts';
import type { SealedColumn } from '@jangada/vault/rows.ts';
import type { Kysely } from 'kysely';
import type { Audience, Knowledge } from './knowledge.ts';
import type { Tool } from './tool.ts';

/**
 * A pack: everything that the system knows of one domain. Declarative, so that core code holds no domain word,
 * and checked when it is loaded (see registry.ts).
 */
export interface Pack {
  readonly name: string;
  readonly version: string;
  /** Regimes that the pack is written for. */
  readonly compliance: readonly string[];
  readonly roles: Readonly<Record<string, Role>>;
  /** What data may be used for. */
  readonly purposes: Readonly<Record<string, Purpose>>;
  /** The purpose of a question that names none. */
  readonly defaultPurpose: string;
  readonly consent: Consent;
  /** How who cares for people may reach for one who is not in their care; without it, nobody may. */
  readonly emergency?: Emergency;
  /** Alerts for which the sessions of whom they are about are ended; none where it names none. Who signs in again goes on. */
  readonly endsSessions?: readonly Rule[];
  readonly intents: readonly IntentPattern[];
  readonly sources: Readonly<Record<string, Source>>;
  /** Words that name a state of a source's rows, in any language, folded. */
  readonly states: readonly {
    readonly words: readonly string[];
    readonly source: string;
    readonly state: string;
  }[];
  /**
   * Words, folded, that mean the same where questions are understood and texts are searched, in any language. A trailing `*`
   * matches a prefix.
   */
  readonly concepts?: readonly (readonly string[])[];
  /** Packs of which no question is one of this one's: what they are asked is learned as asked elsewhere. */
  readonly apart?: readonly string[];
  /** Words before a person's name that say what the person is. */
  readonly leads: readonly { readonly role: 'subject' | 'provider'; readonly words: readonly string[] }[];
  readonly retention: readonly RetentionRule[];
  /** Classes of which nothing goes because a person asked, before somebody else who administers has looked at it and said yes. */
  readonly reviewed?: readonly string[];
  /** Whom a tenant passes data on to. They are told when somebody had theirs corrected or erased (LGPD, art. 18, § 6). */
  readonly recipients?: readonly Recipient[];
  /** By table: what a row of the person `person` is as a resource of FHIR R4, for who takes their data elsewhere. */
  readonly fhir?: Readonly<
    Record<
      string,
      (row: Readonly<Record<string, unknown>>, person: string) => Readonly<Record<string, unknown>>
    >
  >;
  /** How much a tenant of this pack may use. One with the name of a standing policy replaces it. */
  readonly limits: readonly LimitPolicy[];
  /** What of rows that were read is kept apart from the others; the first that fits holds. */
  readonly caches?: readonly CacheSpace[];
  /** The resource whose `write:` permission lets somebody change the agenda; without it nobody may. */
  readonly bookings?: string;
  /** How the agenda is changed in a conversation; without it, it is not. */
  readonly orders?: Orders;
  /** Tools of a client's by which answers may be shown; none where it names none. */
  readonly clientTools?: readonly ClientTool[];
  readonly wording: Readonly<Record<'en' | 'pt-BR', Wording>>;
  /** Migrations of the pack's tables, by name; run in the order of the names. */
  readonly migrations: Readonly<Record<string, { up(db: Kysely<unknown>): Promise<void> }>>;
  /** Made-up tenants to play with, as of a moment. */
  readonly demo?: (now: Temporal.Instant) => readonly Demo[];
}

export interface Demo {
  readonly tenant: {
    id: string;
    name: string;
    time_zone: string;
    locale: 'en' | 'pt-BR';
    currency: string;
    /** When it is open; always, where it is not said. */
    readonly calendar?: Declared;
  };
  readonly accounts: readonly {
    readonly alias: string;
    readonly role: string;
    readonly person?: string;
    /** True where the account has an authenticator app. */
    readonly secondFactor?: true;
  }[];
  /** Rows by table. */
  readonly rows: Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>;
  /** What is booked of it: given by an account, by its alias, under a key by which it is given once. */
  readonly commands?: readonly { readonly by: string; readonly key: string; readonly command: Command }[];
}

export interface Role {
  /** `<verb>:<resource>`; `<verb>:own_<resource>` means the same on rows about the holder. */
  readonly permissions: readonly string[];
  /** Whose rows a `read:<resource>` permission reaches. */
  readonly reach: 'tenant' | 'related';
  /** Fields that this role sees masked. */
  readonly masked: readonly string[];
  /** The purpose of this role's questions that name none, where it is not the pack's. */
  readonly defaultPurpose?: string;
}

/** What data may be used for, and by whom: purpose limitation (LGPD, art. 6, I). */
export interface Purpose {
  /** Roles that may name it. */
  readonly roles: readonly string[];
  /** Resources that may be used for it. */
  readonly resources: readonly string[];
  /**
   * Makes it a purpose of figures: rows cannot be listed for it, which is why a figure may be about the whole tenant,
   * and why one behind which are fewer people than this is not told.
   */
  readonly groupMin?: number;
  /** `aal2` where the sign-in must have had a second factor. */
  readonly assurance?: 'aal2';
}

/** What people can agree to, and what of it reading their data takes (LGPD, arts. 7, I and 11, I). */
export interface Consent {
  /** From the least to the most; who gave one gave all before it. */
  readonly levels: readonly string[];
  /** By resource: the level that whom its rows are about must have given. One that is not named takes none. */
  readonly needed: Readonly<Record<string, string>>;
}

/** Reaching for a person's data without a relationship. */
export interface Emergency {
  /** Why somebody may need it. */
  readonly reasons: readonly [string, ...string[]];
  /** Who may; every role that reaches people in care, where none is named. */
  readonly roles?: readonly string[];
  /** Characters that an explanation has at least. */
  readonly explanationMin: number;
  /** How long it holds: it ends by its validity, and nothing has to run for that. */
  readonly holdsMs: number;
  /** How long somebody who was refused may still say that it is one. */
  readonly answerWithinMs: number;
}

/** Where what changes the agenda finds whom and what it is about: sources by their names. */
export interface Orders {
  /** With `id` and `name`. */
  readonly people: string;
  /** With `id` and `name`, tied to itself as its provider. */
  readonly providers: string;
  /** With `name` and `minutes`. */
  readonly services: string;
  /** The projection's, with `appointmentId`, `version`, `start`, `end`, `provider`, `service` and `status`. */
  readonly bookings: string;
  /** The field of bookings that is whom they are for. */
  readonly whom: string;
  /** Words before a name, beside `leads`, that would mean something else in a question. */
  readonly leads: Pack['leads'];
  /** The pack whose examples of orders these are said as, where it is not this one. */
  readonly saidAs?: string;
  /** How long a booking is where neither the question nor a service says it. */
  readonly minutes: number;
  /** How long somebody may take to say yes. */
  readonly answerWithinMs: number;
}

/** What speaks for an intent, and how much alone (0 to 1). A trailing `*` matches a prefix of a word. */
export interface Cue {
  readonly words: string;
  readonly weight: number;
}

export interface IntentPattern {
  readonly name: string;
  /** Words of the domain, and so nobody's name. Where the pack brings no examples, its questions are understood by them. */
  readonly cues: readonly Cue[];
  readonly entities: readonly string[];
  /** The source that answers; the first of `dataSources`. */
  readonly requiredPermissions: readonly string[];
  readonly dataSources: readonly string[];
  /** Words (folded) that move the question to another of its sources. */
  readonly turns?: readonly { readonly words: readonly string[]; readonly source: string }[];
  /** Set where it is no question, but wants the agenda changed. */
  readonly order?: Order['type'];
  /** What to do when the question does not say whether it wants rows or a figure. */
  readonly defaultAsk: Ask;
  /** How long an answer may be cached, in seconds. */
  readonly ttlSeconds: number;
}

/** A condition on one column. */
export interface Condition {
  readonly column: string;
  readonly value: string;
  /** Set where it holds for every other value. */
  readonly isNot?: true;
}

/**
 * A kind of data that can be asked for. Declarative: read.ts turns it and a plan into SQL, so a pack cannot
 * forget the tenant, the reach or the page.
 */
export interface Source {
  readonly table: string;
  /** The resource in permissions: `read:<resource>`. */
  readonly resource: string;
  readonly fields: Readonly<Record<string, Field>>;
  /** Fields of a list, in order. */
  readonly list: readonly string[];
  /** Columns that tie a row to people; each has a table of names that is joined. */
  readonly subject?: Tie;
  readonly provider?: Tie;
  /**
   * The column that says whose own a row is, as `ownerOf` in libs/trust names them: a person or an account. Such rows are
   * about nobody else, and nobody else reads them, whatever the role.
   */
  readonly owner?: string;
  /** The column that names the conversation a row is of. */
  readonly thread?: string;
  /** What a list shows by default that is asked for by its name, and of no one conversation. */
  readonly overview?: readonly string[];
  /** The projection that keeps its table, and may be behind: whoever reads is told how far it is. */
  readonly projection?: string;
  /** Set where rows come with every question, so that none may be remembered. */
  readonly isUncached?: true;
  /** The column that says in which language a row's text is; a question is answered with those of its own. */
  readonly language?: string;
  /** Set where a question finds rows by what it says. */
  readonly knowledge?: Knowledge;
  /** The source of texts, of which those near to the question are named beside a list of these rows. */
  readonly cites?: string;
  /** For whom a row is, where it is not for everybody who may read the source. Row-level security holds it. */
  readonly audience?: Audience;
  /** The column that a period means. */
  readonly at?: string;
  /** The column that amounts mean. */
  readonly amount?: string;
  readonly order: {
    readonly column: string;
    readonly type: 'timestamptz' | 'text' | 'bigint' | 'numeric';
    /** Set where the last comes first. */
    readonly isDescending?: true;
  };
  /** States by name. */
  readonly states: Readonly<Record<string, Condition>>;
  /** By state: the states whose rows are the whole that it is told to be a share of. */
  readonly shares?: Readonly<Record<string, readonly string[]>>;
  /** What a question narrows by its words, in several ways at once, by name. */
  readonly facets?: Readonly<Record<string, Facet>>;
  /** Holds unless the plan names a state on the same column. */
  readonly usually: readonly Condition[];
  /** Further figures of `perDay`, beside the number of rows: an aggregate of the table's columns. */
  readonly perDay?: Readonly<Record<string, string>>;
  readonly asks: readonly Ask[];
  /** Set where its rows are times that are free. */
  readonly timetable?: Timetable;
  /** Its rows are also told to who asks for it by its name, at `GET /v1/<name>`. */
  readonly listed?: true;
  /** What sees to its rows when a question asks for a list of them, in this order. */
  readonly tools?: readonly Tool[];
}

/**
 * What is free of the time of those who provide, by their agendas: rows have `start`, `end` and `provider`, and a share is how many
 * of the minutes that could be booked are. The source is tied to who provides, and its table is that of the agendas.
 */
export interface Timetable {
  /** The source of who provides, with `id` and `name`, tied to itself. */
  readonly providers: string;
  /** The shortest time that is told, in minutes. */
  readonly minutes: number;
  /** Of how many days from now on, where no time is named. */
  readonly days: number;
}

/** A column whose values a question may name, one or more of them. */
export interface Facet {
  /** Of the source's own table. */
  readonly column: string;
  /** By value: the words that name it, in any language, folded. One word may name several values. */
  readonly values: Readonly<Record<string, readonly string[]>>;
}

/** A column that names a person, and the table of such people: `id`, `name` and a `full_text_search` of it. */
export interface Tie {
  readonly column: string;
  readonly table: string;
}

export interface Field {
  /** `table.column`; the table is the source's own or one that a tie joins. */
  readonly column: string;
  readonly kind: 'plain' | 'personal';
  /** How the value looks to a role that sees it masked. */
  readonly mask?: 'email' | 'phone' | 'hide';
  /** Its column holds sealed fields, of the source's own table. It can be shown and found by its index, nothing else. */
  readonly sealed?: SealedColumn;
}

/** How long a class of data is kept, and why. One that keeps for less than the law wants is not loaded. */
export interface Recipient {
  /** `[a-z-]+`, what they are to the tenant. */
  readonly name: string;
  /** Classes of retention that they are given something of. */
  readonly classes: readonly string[];
  readonly purpose: string;
}

/** Nothing; of a moment its month or year alone, in UTC; or the same text for all. */
export type Left = 'nothing' | 'month' | 'year' | { readonly says: string };

export interface RetentionRule {
  readonly class: string;
  /** The shortest time that the law allows, as `keep`; absent where no law wants the data to be kept. */
  readonly legalMin?: string;
  /** One unit of ISO 8601, `P20Y`, `P6M` or `P90D`, counted in the calendar of the tenant's time zone; see retention.ts. */
  readonly keep: string;
  /**
   * What the time counts from: each row's own `ageColumn`, or the last entry of the row's `person`, which is the newest
   * in all classes of the pack that count so: together they are one record.
   */
  readonly anchor: 'created' | 'lastEntry';
  /** Rows go, or stay without what `columns` says: what is in them (`strip`), or whose they are too (`anonymise`). */
  readonly action: 'delete' | 'anonymise' | 'strip';
  /** What is left in columns of rows that stay; what a sealed one is found by goes with it. */
  readonly columns?: Readonly<Record<string, Left>>;
  /** The law, or else the reason, that data are kept by. Where there is a `legalMin`, the law alone, as people of every language cite it. */
  readonly basis: string;
  /** Whose law that is: a country, as ISO 3166-1 names it. */
  readonly jurisdiction: string;
  /** Where rows of the class are and which column ages them; absent for what PostgreSQL does not hold. */
  readonly table?: string;
  readonly ageColumn?: string;
  /** What names a row within its tenant; `id` where nothing is said. */
  readonly key?: readonly string[];
  /** The column that says whom a row is about. */
  readonly person?: string;
  /** Set where the table has a partition for each month: one that is emptied is taken out. */
  readonly byMonth?: true;
  /** Rows that others still refer to stay, however old. */
  readonly unlessReferencedBy?: readonly { readonly table: string; readonly column: string }[];
}

/** What is counted: `ai` questions, `data` plans that read rows about people, `api` every other call. */
export type LimitClass =
  | 'ai'
  | 'data'
  | 'api'
  | 'signin'
  | 'mfa'
  | 'privacy'
  | 'public'
  | 'tenant'
  | 'sessions'
  | 'model-calls'
  | 'model-tokens';

/** How much of a class one key may use. All policies of a class apply together. */
export interface LimitPolicy {
  /** `[a-z-]+`, as headers, metrics and the command line name it. */
  readonly name: string;
  readonly class: LimitClass;
  /** Whose use is counted together. A `role` is counted within its tenant. */
  readonly key: 'ip' | 'user' | 'tenant' | 'role';
  readonly max: number;
  /** Counted from the first use on. For what is held at once: how long a place outlives a holder that died. */
  readonly windowMs: number;
  /** What `max` is multiplied by for a role; 1 where none is named. */
  readonly roles?: Readonly<Record<string, number>>;
  /** Only what failed is counted. */
  readonly onlyFailures?: true;
  /** Without the shared count each replica allows no more than its share, instead of up to twice. */
  readonly failClosed?: true;
  /** Held and given back, instead of used up. */
  readonly atOnce?: true;
}

/** How much of what was read may be remembered, and for how long. Counted for each tenant. */
export interface CacheSpace {
  /** `[a-z-]+`, as keys in Redis and metrics name it. */
  readonly name: string;
  /** Whose rows are kept there. */
  readonly sources: readonly string[];
  /** Set where only what these roles asked for is. */
  readonly roles?: readonly string[];
  /** Instead of the intent's; an hour at most. */
  readonly ttlSeconds: number;
  readonly maxBytes: number;
  /** What visitors ask most: it is asked in their place twice in that time, so that it is there when they do. */
  readonly warm?: readonly string[];
}

export interface EmergencyWording {
  readonly question: string;
  readonly reason: string;
  readonly explanation: string;
  /** By reason. */
  readonly reasons: Readonly<Record<string, string>>;
}

/** `{whom}`, `{provider}`, `{when}`, `{was}`, `{name}` and `{names}` are filled where they are said. */
export interface OrderWording {
  /** Each asks whether it is to be done. */
  readonly confirm: Readonly<Record<Order['type'], string>>;
  /** What is asked for where it is missing. */
  readonly lacks: Readonly<
    Record<'whom' | 'provider' | 'day' | 'time' | 'when' | 'newTime' | 'past' | 'booking', string>
  >;
  /** Several, or nobody, of the name that was said. */
  readonly which: string;
  readonly nobody: string;
  readonly noBooking: string;
  /** What each is called that a card tells. */
  readonly facts: Readonly<Record<'whom' | 'provider' | 'service' | 'when' | 'was', string>>;
}

/** The words of answers in one language. Placeholders are in braces. */
export interface Wording {
  /** By source: what its rows are called, one and many. */
  readonly nouns: Readonly<Record<string, readonly [one: string, many: string]>>;
  /** `{n} {noun}{period}` and so on. */
  readonly count: string;
  readonly total: string;
  readonly list: string;
  /** By source: what is said instead of `list`. */
  readonly lists?: Readonly<Record<string, string>>;
  readonly more: string;
  readonly none: string;
  /** By source: what is said instead of `none`. */
  readonly nones?: Readonly<Record<string, string>>;
  /** `{articles}` are where to read on; needed where a source cites. */
  readonly cited?: string;
  readonly perDay: string;
  /** By source: tells a share, of `{percent}`, `{part}` and `{whole}`; needed where it is asked for one. */
  readonly shares?: Readonly<Record<string, string>>;
  readonly states: Readonly<Record<string, string>>;
  /** By field or facet: what its values are called. One without an entry is told as it stands. */
  readonly labels?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** By kind of finding: how it is told, of the fields of its row and its figures. */
  readonly findings?: Readonly<Record<string, string>>;
  /** Asks whether it is an emergency, and names what a yes has to say. */
  readonly emergency?: EmergencyWording;
  /** Asks for what an order lacks, and for the yes to it; needed where a pack has orders. */
  readonly orders?: OrderWording;
  /** By class of retention: what such data are called. */
  readonly classes: Readonly<Record<string, string>>;
  /**
   * By column of its tables: what it is called to whom the row is about, in the order in which they read it. What has no name
   * here, as ids, they are told in the files for machines alone.
   */
  readonly columns?: Readonly<Record<string, string>>;
  /** By recipient: who that is. */
  readonly recipients?: Readonly<Record<string, string>>;
  readonly suggestions: readonly string[];
}
