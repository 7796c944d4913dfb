import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StoredMsg } from '@nats-io/jetstream';
import { Redis } from 'ioredis';
import type pg from 'pg';
import type { System } from '../system.ts';

/**
 * A person who does not exist and is in every system that a test starts. Whoever may know her is told of her;
 * nothing else may hold anything of her: no log, span, figure, subject, header, cache or clear field. Nor of the
 * tokens and passwords with which people signed in meanwhile.
 */

export const canary = {
  id: 'cli-canary',
  name: 'Zuleide Quixabeira',
  cpf: '987.123.654-91',
  email: 'zuleide.canaria@exemplo.test',
  phone: '+55 71 98765-4321',
  notes: 'alergia a quixabanina',
} as const;

/** Parts that would give her away, whatever case or folding somebody wrote them in. */
const traits: Readonly<Record<string, readonly string[]>> = {
  name: ['zuleide', 'quixabeira'],
  cpf: ['987.123.654-91', '98712365491'],
  email: ['canaria@'],
  phone: ['98765-4321', '987654321'],
  notes: ['quixabanina'],
};

/** A header with which a test marks what it sent as a stranger would, with something of hers in clear. */
export const strangers = 'X-Note';

/** Something of hers, and where it was found; never the text around it. */
export interface Hit {
  readonly trait: string;
  readonly place: string;
}

type Sql = <R extends pg.QueryResultRow>(text: string, values?: readonly unknown[]) => Promise<R[]>;

/** Writes a row of a tenant as the services do, sealed where it belongs. */
type Write = (tenant: string, table: string, row: Readonly<Record<string, unknown>>) => Promise<void>;

/** Puts her into the care of the first professional of the first demo tenant, and of the nurse of a home. */
export const plant = async (sql: Sql, write: Write): Promise<void> => {
  const { id, name, cpf, email, phone, notes } = canary;
  await write('clinica-aurora', 'clients', { id, name, name_search: name.toLowerCase(), cpf, email, phone });
  await sql(
    `insert into consents (tenant_id, id, subject_id, action, level, holds, basis, channel, recorded_by)
     values ('clinica-aurora', 'canary', $1, 'given', 'health', 'health', 'person', 'front-desk', 'system')`,
    [id],
  );
  await sql(
    `insert into care_relationships (tenant_id, provider_id, subject_id, basis, valid_from)
     values ('clinica-aurora', 'pro-1', $1, 'care', now() - interval '1 day')`,
    [id],
  );
  await write('clinica-aurora', 'aesthetic_records', {
    id: 'rec-canary',
    client_id: id,
    provider_id: 'pro-1',
    kind: 'evaluation',
    description: notes,
    recorded_at: new Date(),
  });
  await write('lar-ipe', 'residents', { id, name, name_search: name.toLowerCase(), phone });
  await sql(
    `insert into consents (tenant_id, id, subject_id, action, level, holds, basis, channel, recorded_by)
     values ('lar-ipe', 'canary', $1, 'given', 'health', 'health', 'person', 'front-desk', 'system')`,
    [id],
  );
  await sql(
    `insert into care_relationships (tenant_id, provider_id, subject_id, basis, valid_from)
     values ('lar-ipe', 'nur-1', $1, 'care', now() - interval '1 day')`,
    [id],
  );
  const care = { id: 'canary', resident_id: id, carer_id: 'nur-1' };
  await write('lar-ipe', 'care_events', { ...care, kind: 'fall', note: notes, occurred_at: new Date() });
  await write('lar-ipe', 'medications', {
    ...{ ...care, medication: notes, dose: notes, status: 'due' },
    due_at: new Date(),
  });
};

/** Questions with all of her in them; each is answered or refused in its own way. */
export const questionsAboutHer: readonly string[] = [
  `dados da cliente ${canary.name}`,
  `histórico da cliente ${canary.name}`,
  `how many appointments does ${canary.name} have this month?`,
  `qual é a cor favorita de ${canary.name}, ${canary.cpf}, ${canary.email}, ${canary.phone}?`,
];

/** The same of a home, for who may know her there. */
export const questionsOfHomeAboutHer: readonly string[] = [
  `residente ${canary.name}`,
  `quedas de ${canary.name}`,
  `medication of ${canary.name}`,
];

/** What of her is in a text, by the names of her traits. */
export const given = (text: string): string[] =>
  Object.keys(traits).filter((trait) => traits[trait]?.some((part) => text.toLowerCase().includes(part)));

/** Everything that a system keeps or shows, by the name of the place. */
export interface Surfaces {
  readonly system: System;
  readonly home: string;
  readonly sql: Sql;
  readonly stored: (stream: string) => Promise<StoredMsg[]>;
  readonly streams: readonly string[];
  /** What was sent to a receiver of spans, where there is one. */
  readonly spans: readonly string[];
  /** Tokens and passwords that were used; by what they are. */
  readonly secrets: Readonly<Record<string, readonly string[]>>;
}

/** Searches everything. Text that is merely encoded is read too. */
export const hunt = async (where: Surfaces): Promise<readonly Hit[]> => {
  const wanted = Object.entries({ ...traits, ...where.secrets }).flatMap(([trait, texts]) =>
    texts.map((text) => [trait, text.toLowerCase()] as const),
  );
  const hits = new Map<string, Hit>();
  const look = (place: string, text: string): void => {
    const folded = text.toLowerCase();
    for (const [trait, part] of wanted)
      if (folded.includes(part)) hits.set(`${trait} ${place}`, { trait, place });
  };
  for (const file of globSync(['logs/*.log', 'data/*/*.log'], { cwd: where.home }))
    look(`logs: ${file}`, readFileSync(join(where.home, file), 'utf8'));
  look('spans', where.spans.join('\n'));
  await lookAtServices(where, look);
  await lookAtBroker(where, look);
  await lookAtRedis(where, look);
  for (const row of await where.sql<Record<string, unknown>>('select * from audit_entries'))
    for (const [column, value] of Object.entries(row)) look(`audit_entries.${column}`, JSON.stringify(value));
  return [...hits.values()];
};

type Look = (place: string, text: string) => void;

const lookAtServices = async ({ system }: Surfaces, look: Look): Promise<void> => {
  for (const { name, url } of await system.statuses())
    look(`metrics of ${name}`, await (await fetch(`${url}/metrics`)).text());
  for (const { name, pid } of system.services.values())
    for (const file of ['cmdline', 'environ'])
      look(`${file} of ${name}`, await readable(`/proc/${pid}/${file}`));
};

const readable = async (path: string): Promise<string> => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

const lookAtBroker = async ({ stored, streams }: Surfaces, look: Look): Promise<void> => {
  for (const stream of streams) {
    for (const { subject, header, data } of await stored(stream)) {
      // What a stranger wrote there himself is his; what our services made of it is ours.
      if (header?.get(strangers)) continue;
      look(`subjects of ${stream}`, subject);
      look(`bodies of ${stream}`, Buffer.from(data).toString());
      for (const [name, values] of header ?? []) {
        look(`header ${name} of ${stream}`, [name, ...values].join('\n'));
        for (const part of values.flatMap((value) => value.split('.')))
          look(`header ${name} of ${stream}`, Buffer.from(part, 'base64url').toString());
      }
    }
  }
};

const lookAtRedis = async ({ system }: Surfaces, look: Look): Promise<void> => {
  if (!system.local.redisUrl) return;
  const redis = new Redis(system.local.redisUrl, { maxRetriesPerRequest: 1, retryStrategy: () => null });
  redis.on('error', () => undefined);
  try {
    for (const key of await redis.keys('*')) {
      look('keys of Redis', key);
      look('values of Redis', (await redis.dumpBuffer(key))?.toString('latin1') ?? '');
    }
  } finally {
    redis.disconnect();
  }
};
