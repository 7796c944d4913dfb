import type { Confirmation, Receipt, RequestState, RequestType } from '@jangada/proto/privacy.ts';
import type { ColumnType, Generated } from 'kysely';

/** Timestamps are read as text in ISO 8601 and written as anything PostgreSQL takes. */
type Time = ColumnType<string, string | Date, string | Date>;

declare const clear: unique symbol;

/**
 * The bytes of a sealed field. Only libs/vault makes them and only it opens them: neither text nor other bytes can
 * be written where a column holds these.
 */
export type Sealed<T> = Buffer & { readonly [clear]: T };

/** A state that a privacy request came to. */
export interface Stage {
  readonly state: RequestState;
  readonly at: string;
}

/** Somebody whom data were passed on to, and who has to be told that they are gone or corrected. */
export interface Recipient {
  readonly name: string;
  /** Once they know: by the account that said so, or by their webhook, whose receipt it is. */
  readonly told?: {
    readonly by: string;
    readonly at: string;
    readonly classes?: Confirmation['classes'];
  };
  /** The last attempt at their webhook, and how many there were. */
  readonly notice?: {
    readonly at: string;
    readonly tries: number;
    readonly outcome: 'taken' | 'differs' | 'refused' | 'away';
  };
}

/** A plan's list as far as it was read: for its root, before anything is touched, for a report, or while it waits. */
export interface Reading {
  readonly for: 'root' | 'before' | 'report' | 'waiting';
  /** Parts of its Merkle tree, the roots in hex. */
  readonly parts: readonly { readonly count: number; readonly root: string }[];
  /** How many items have come to what. */
  readonly outcomes: Readonly<Partial<Record<string, number>>>;
}

/** A class as far as it was counted. */
export interface Counting {
  readonly rows: number;
  /** The key of the last row. */
  readonly last: readonly string[] | null;
}

/** Tables that every pack shares. Made by the migrations beside this file. */
export interface CoreTables {
  tenants: {
    id: string;
    name: string;
    pack: string;
    time_zone: string;
    locale: 'en' | 'pt-BR';
    currency: string;
    /** When it is open; see libs/agenda/declared.ts. */
    calendar: unknown;
  };
  accounts: {
    id: string;
    tenant_id: string;
    alias: string;
    email: string;
    password_hash: string;
    role: string;
    /** The person in the pack's tables that this account is. */
    person_id: string | null;
  };
  sessions: {
    tenant_id: string;
    id: string;
    account_id: string;
    /** How the person proved who they are, as RFC 8176 names it, and when they did. */
    amr: string[];
    authenticated_at: Time;
    created_at: Time;
    used_at: Time;
    ended_at: Time | null;
    reason: 'logout' | 'revoked' | 'reuse' | 'expired' | null;
  };
  refresh_tokens: {
    tenant_id: string;
    /** SHA-256. */
    hash: Buffer;
    session_id: string;
    created_at: Time;
    used_at: Time | null;
  };
  second_factors: {
    tenant_id: string;
    /** The account's. */
    id: string;
    /** For whom it is sealed: `factor:<the account>`. */
    subject_id: ColumnType<string, never, never>;
    /** Null until the first is confirmed. */
    secret: Sealed<string> | null;
    /** One that is not confirmed yet. */
    pending: Sealed<string> | null;
    /** The newest time step whose code was used. */
    last_step: Generated<number>;
    failures: Generated<number>;
    failed_since: Time | null;
  };
  recovery_codes: {
    tenant_id: string;
    account_id: string;
    number: number;
    /** Argon2id. */
    hash: string;
    used_at: Time | null;
  };
  socket_tickets: {
    tenant_id: string;
    /** SHA-256. */
    hash: Buffer;
    session_id: string;
    /** When the access token ends that the ticket was given for. */
    access_until: Time;
    expires_at: Time;
    used_at: Time | null;
  };
  care_relationships: {
    tenant_id: string;
    provider_id: string;
    subject_id: string;
    basis: 'care' | 'encounter' | 'assigned' | 'break_glass';
    valid_from: Time;
    valid_to: Time | null;
    opened_by: string;
    /** The command that opened it, where one did. */
    command: string | null;
  };
  alert_states: {
    tenant_id: string;
    /** The account. */
    id: string;
    /** JSON; services/detection knows its shape. */
    state: unknown;
    /** When something of them was last read into it. */
    at: Generated<Time>;
  };
  alerts: {
    tenant_id: string;
    id: string;
    /** Of the fact that raised it, in its stream. */
    sequence: number;
    at: Time;
    actor: string;
    session: string | null;
    rule: string;
    severity: 'note' | 'warning' | 'critical';
    value: number;
    threshold: number;
    ended: string[];
  };
  /** Only ever added to. */
  consents: {
    tenant_id: string;
    /** The command that recorded it. */
    id: string;
    /** Counted by PostgreSQL. */
    number: Generated<number>;
    subject_id: string;
    action: 'given' | 'withdrawn';
    level: string;
    /** The level that holds from then on; null where none does. */
    holds: string | null;
    basis: 'person' | 'guardian' | 'document' | 'import' | 'demo';
    channel: string;
    recorded_by: string;
    recorded_at: Generated<Time>;
  };
  access_commands: {
    tenant_id: string;
    id: string;
    action: string;
    /** The code it was refused with. */
    refused: string | null;
    until: Time | null;
    at: Generated<Time>;
  };
  /** Only ever added to. */
  emergencies: {
    tenant_id: string;
    /** The command that opened it. */
    id: string;
    provider_id: string;
    subject_id: string;
    reason: string;
    /** Why in words; null once the person's data were erased. */
    explanation: Sealed<string> | null;
    at: Generated<Time>;
    until: Time;
  };
  /** Questions to an agent that follow each other without a long silence. */
  ai_agent_sessions: {
    tenant_id: string;
    /** The question that opened it. */
    id: string;
    session_type: 'PUBLIC' | 'TENANT';
    thread_id: string;
    subject_id: string;
    is_active: Generated<boolean>;
    created_at: Time;
    last_activity_at: Time;
    /** From when on it is over, unless somebody asks before. */
    expires_at: Time;
  };
  /** A question and what came of it. In a partition for each month. */
  ai_agent_conversations: {
    tenant_id: string;
    /** The run. */
    id: string;
    created_at: Time;
    session_id: string;
    thread_id: string;
    /** Whose it is, and whose key seals it. */
    subject_id: string;
    /** True of the question that a thread began with. */
    is_first: boolean;
    /** Null of an answer to one of ours, and once the person's data were erased. */
    question: Sealed<string> | null;
    answer: Sealed<string> | null;
    /** What the client calls the question. */
    message: Sealed<string> | null;
    /** The telling that the answer is of. */
    attempt: number;
    /** Null where the run told no end within its time. */
    ending: 'answered' | 'refused' | 'interrupted' | 'failed' | 'cancelled' | null;
    code: string | null;
  };
  /** Questions that wait for an answer of whoever asked them. */
  interrupts: {
    tenant_id: string;
    /** The run that was interrupted. */
    id: string;
    session: string;
    account_id: string;
    action: 'break_glass';
    /** Null where it is not about exactly one person. */
    subject_id: string | null;
    purpose: string | null;
    /** What was asked, sealed; see libs/runtime/held.ts. */
    asked: Buffer;
    at: Generated<Time>;
    expires_at: Time;
    /** The run that answered it. */
    answered_by: string | null;
  };
  feedback: {
    tenant_id: string;
    /** The run. */
    id: string;
    /** Who gave it, as `ownerOf` in libs/trust names them. */
    subject_id: string;
    rating: number;
    /** Null where there was none, and once the person's data were erased. */
    comment: Sealed<string> | null;
    at: Time;
  };
  /** What opens the details of a booking's events; with the key its person goes. */
  event_keys: {
    tenant_id: string;
    /** The booking. */
    id: string;
    subject_id: string;
    /** In base64, sealed; null once the person's data were erased. */
    key: Sealed<string> | null;
    made_at: Generated<Time>;
  };
  /** What the events of bookings amount to; made again from them at any time. */
  bookings: {
    tenant_id: string;
    id: string;
    subject_id: string;
    provider_id: string;
    room_id: string | null;
    service: string | null;
    starts_at: Time;
    ends_at: Time;
    status: 'scheduled' | 'confirmed' | 'cancelled' | 'attended' | 'no_show';
    /** Events that it is made of. */
    version: number;
    changed_at: Time;
  };
  /** What was last said of a stretch of time in an agenda; made again from its events at any time. */
  agenda_times: {
    tenant_id: string;
    id: string;
    agenda_id: string;
    kind: 'taken' | 'freed' | 'opened';
    /** Absent of what is freed. */
    starts_at: Time | null;
    ends_at: Time | null;
    /** Of what is opened, the parts in which somebody is there. */
    open: readonly { readonly from: string; readonly until: string }[];
    /** Of the agenda, when it was said. */
    version: number;
  };
  /** How far a projection has come. */
  projections: {
    tenant_id: string;
    name: string;
    /** Of the last event in its stream, when that was stored, and when it was taken in. */
    sequence: number;
    event_at: Time;
    taken_at: Generated<Time>;
  };
  /** The level that holds now; kept by PostgreSQL from `consents`. */
  consent_levels: {
    tenant_id: string;
    subject_id: string;
    level: string | null;
    number: number;
  };
  audit_entries: {
    tenant_id: string;
    /** The run, or what else the fact is about. */
    subject_id: string;
    fact: string;
    sequence: string;
    at: Time;
    actor: string;
    role: string | null;
    session: string | null;
    purpose: string | null;
    decision: 'allowed' | 'denied' | 'failed' | 'done';
    code: string | null;
    resource: string | null;
    details: ColumnType<unknown, string, string>;
    /** From where the call came, sealed; see libs/trust/origin.ts. */
    origin: string | null;
    /** The chain that it is in and its place there, from 0; null of entries from before there was one. */
    shard: number | null;
    number: number | null;
  };
  audit_heads: {
    shard: number;
    /** Entries that the chain holds. */
    next: number;
    chain: Buffer;
  };
  audit_batches: {
    shard: number;
    first: number;
    /** Hashes of its entries, 32 bytes each; they stay when the entries are removed. */
    leaves: Buffer;
    root: Buffer;
    /** The chain after it. */
    chain: Buffer;
    at: ColumnType<string, never, never>;
  };
  audit_checkpoints: {
    number: number;
    at: Time;
    /** Signed; see libs/verifier/checkpoint.ts. */
    statement: string;
  };
  privacy_requests: {
    tenant_id: string;
    /** The command that opened it. */
    id: string;
    /** Once they were erased and the request is over, a keyed hash of the person's id. */
    subject_id: string;
    type: RequestType;
    state: ColumnType<RequestState, never, RequestState>;
    identity: 'second_factor' | 'document';
    opened_by: string;
    /** Public key of the link by which the outcome is fetched. */
    recipient: string;
    /** What is to be corrected, then what it was before. Null where there is nothing, and once the request is over. */
    details: Sealed<string> | null;
    at: Generated<Time>;
    deadline_at: Time;
    /** The part of the time, in per cent, that was last said to be over. */
    warned: Generated<number>;
    reviewed_by: ColumnType<string | null, never, string>;
    approved: ColumnType<boolean | null, never, boolean>;
    /** Why, in the words of who reviewed it. */
    review_basis: ColumnType<string | null, never, string>;
    receipts: ColumnType<readonly Receipt[], never, string>;
    /** Classes whose receipts do not agree with what is there. */
    partial: ColumnType<readonly string[], never, string>;
    certificate: ColumnType<unknown, never, string>;
    recipients: ColumnType<readonly Recipient[], never, string>;
    history: ColumnType<readonly Stage[], never, string>;
    /** States that audit was told. */
    told: Generated<number>;
  };
  /** Outcomes that wait to be fetched, once. */
  privacy_deliveries: {
    tenant_id: string;
    id: string;
    account_id: string;
    recipient: string;
    content: string;
    expires_at: Time;
    used_at: ColumnType<string | null, never, string | Date>;
  };
  /** Written before anything is destroyed; only ever added to. */
  erasures: {
    tenant_id: string;
    id: string;
    /** A keyed hash of the person's id. */
    subject: Buffer;
    type: 'anonymisation' | 'deletion';
    at: Generated<Time>;
  };
  legal_holds: {
    tenant_id: string;
    class: string;
    reason: string;
    placed_at: Generated<Time>;
    released_at: Time | null;
    /** Null where it was no command of a person's. */
    placed_by: string | null;
    released_by: string | null;
  };
  /** One class of one occasion. */
  retention_plans: {
    tenant_id: string;
    tick: string;
    class: string;
    policy: string;
    before: Time;
    asked_by: string;
    /** Null until everything is listed; so are the four below. */
    planned_at: Time | null;
    planned: number | null;
    rows_then: number | null;
    root: Buffer | null;
    needs: 'new-policy' | 'share' | 'jump' | null;
    finished_at: Time | null;
    /** How far its list was read, and for what. */
    read: ColumnType<Reading | null, never, string>;
    /** How much of its class was counted. */
    counted: ColumnType<Counting | null, never, string>;
  };
  retention_items: {
    tenant_id: string;
    tick: string;
    class: string;
    n: number;
    key: string[];
    at: Time;
    leaf: Buffer;
    outcome: 'deleted' | 'changed' | 'held' | 'statutory' | 'failed' | null;
  };
  retention_approvals: {
    tenant_id: string;
    tick: string;
    class: string;
    root: Buffer;
    approved_by: string;
    approved_at: Generated<Time>;
  };
  retention_runs: {
    tenant_id: string;
    tick: string;
    started_at: Time;
    finished_at: Time | null;
    report: ColumnType<unknown, string, string>;
  };
  tenant_keys: {
    tenant_id: string;
    kind: 'tenant' | 'index';
    version: number;
    id: string;
    wrapped: Buffer | null;
    root: string;
    created_at: ColumnType<string, never, never>;
    retired_at: Time | null;
  };
  subject_keys: {
    tenant_id: string;
    subject_id: string;
    class: 'clinical' | 'discretionary';
    version: number;
    id: string;
    wrapped: Buffer | null;
    tenant_key_version: number;
    state: ColumnType<'active' | 'frozen' | 'destroyed', never, 'active' | 'frozen' | 'destroyed'>;
    created_at: ColumnType<string, never, never>;
    retired_at: Time | null;
  };
}
