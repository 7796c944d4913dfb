import { createHash } from 'node:crypto';
import { leafOf } from '@jangada/merkle/tree.ts';

/** An entry of the trail as its chain covers it: every column of it, and no other. */
export interface Stated {
  readonly tenant: string;
  readonly subject: string;
  readonly fact: string;
  readonly sequence: number;
  /** ISO 8601 in UTC, to the microsecond: `2026-11-21T12:00:00.123000Z`. */
  readonly at: string;
  readonly actor: string;
  readonly role: string | null;
  readonly session: string | null;
  readonly purpose: string | null;
  readonly decision: string;
  readonly code: string | null;
  readonly resource: string | null;
  readonly details: unknown;
  readonly origin: string | null;
}

/** Chains that the trail is in. What is a tenant's is in one of them, so that tenants wait for each other less. */
export const shards = 4;

/** The chain that a tenant's entries are in. */
export const shardOf = (tenant: string): number =>
  (createHash('sha256').update(tenant).digest()[0] ?? 0) % shards;

/** Keys in the order of their code units, no space, text as PostgreSQL keeps it: the same bytes from whoever states an entry. */
const canonical = (value: unknown): string => {
  if (typeof value === 'string') return JSON.stringify(value.toWellFormed());
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const fields: string[] = [];
  for (const key of Object.keys(value).sort()) {
    const inner = (value as Record<string, unknown>)[key];
    if (inner !== undefined) fields.push(`${JSON.stringify(key.toWellFormed())}:${canonical(inner)}`);
  }
  return `{${fields.join()}}`;
};

/** What is hashed of an entry. Its place is not in it: the chain says that, so that a moved entry is known again. */
export const bytesOf = (entry: Stated): Buffer => {
  const { tenant, subject, fact, sequence, at, actor, role, session, purpose } = entry;
  const { decision, code, resource, details, origin } = entry;
  const stated = { tenant, subject, fact, sequence, at, actor, role, session, purpose };
  return Buffer.from(canonical({ v: 1, ...stated, decision, code, resource, details, origin }));
};

/** Hash of an entry, as a leaf of the tree of its batch. */
export const leafOfEntry = (entry: Stated): Buffer => leafOf(bytesOf(entry));
