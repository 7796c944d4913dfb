/** The headers that every message has, beside `traceparent`. Few on purpose: each costs CPU at every hop. */
export const headers = {
  /** The signed pass: who asks, for which run, until when. Its expiry is the run's deadline. */
  pass: 'Jangada-Pass',
  /** The signed grant: what the plan may read. Only on `run.permitted`. */
  grant: 'Jangada-Grant',
  /** Version of the body's schema. */
  schema: 'Jangada-Schema',
  /** What a sealed body says to those who hold no key: JSON, never personal data. */
  head: 'Jangada-Head',
  messageId: 'Nats-Msg-Id',
  expectedSequence: 'Nats-Expected-Last-Subject-Sequence',
  /** The subjects of which that is the last, where it is not the message's own alone. */
  expectedOf: 'Nats-Expected-Last-Subject-Sequence-Subject',
  /** Messages that are stored together or not at all; the last of them says so. */
  batch: 'Nats-Batch-Id',
  batchSequence: 'Nats-Batch-Sequence',
  batchCommit: 'Nats-Batch-Commit',
} as const;

/** Longest a header may be that is read before it is believed, in bytes. */
export const headerMaxBytes = 8_192;

/** Headers of a dead letter, beside those of the message that died. */
export const deadHeaders = {
  hop: 'Jangada-Dead-Hop',
  reason: 'Jangada-Dead-Reason',
  subject: 'Jangada-Dead-Subject',
} as const;

/** Core subjects: nothing is stored, whoever listens hears. */
export const core = {
  /** Stop one run, wherever it is. */
  cancel: (tenant: string, run: string) => `cancel.${tenant}.${run}`,
  /** A person's session is over; whatever hangs on it is let go. */
  ended: (tenant: string, session: string) => `ended.${tenant}.${session}`,
  /** Every service answers with its health and breaker; see the runtime's `Status`. */
  status: 'status',
  /** Data of a tenant changed; caches forget it. */
  changed: (tenant: string) => `changed.${tenant}`,
  /** Keys of a tenant changed; whoever remembers them forgets. */
  keysChanged: (tenant: string) => `keys.changed.${tenant}`,
  /** The reply stream republishes here. */
  live: (tenant: string, run: string) => `live.${tenant}.${run}`,
  /** Figures of a limit that an operator has set, the last kept; `_` stands for every tenant. */
  limit: (tenant: string, policy: string) => `limit.${tenant}.${policy}`,
  /** Set figures are republished here once they are stored. */
  limitSet: (tenant: string, policy: string) => `limited.${tenant}.${policy}`,
  /** Asks whoever keeps the dead letters of a tenant for some of them, or for one to go on its way again. */
  letters: (what: 'list' | 'replay' | '*', tenant: string) => `letters.${what}.${tenant}`,
  /** What an aggregate of a kind had come to, the last kept, so that not all of its events are read again. */
  snapshot: (kind: string, tenant: string, id: string) => `snapshot.${kind}.${tenant}.${id}`,
  dead: (hop: string, tenant: string, id: string) => `dead.${hop}.${tenant}.${id}`,
} as const;

/** What the broker's protocol of services asks (ADR-32 of NATS): who is there, what it has, and how it does. */
export const registryVerbs = ['PING', 'INFO', 'STATS'] as const;

/** Keeps the figures of limits that an operator has set. */
export const limitStream = 'LIMITS';

/** Keeps the last snapshot of each aggregate. What is lost of it is made again from events. */
export const snapshotStream = 'STATES';

/** The one entry of the bucket `KEYS`: the key ring. Its stream republishes it to those who listen. */
export const keyRing = {
  stream: 'KV_KEYS',
  bucket: '$KV.KEYS.>',
  subject: '$KV.KEYS.ring',
  /** Reads the bucket, in which there is nothing else. */
  get: '$JS.API.DIRECT.GET.KV_KEYS',
  live: 'keys.ring',
} as const;

/** Signed checkpoints of the audit trail, for whoever keeps them elsewhere. No service hears them. */
export const checkpoints = { stream: 'CHECKPOINTS', subject: 'audit.checkpoint' } as const;
