import { z } from 'zod';
import { openBodies } from './body.ts';

/**
 * From where somebody called, for whoever reads the audit trail and nobody else. An address is personal data, and it
 * travels in places that are readable, such as the pass: so it is sealed under keys of its own, which the edge holds to
 * seal and an auditor to open, and no service that passes it on or keeps it.
 */

const longest = 256;
/** Shown on terminals: what is not plain ASCII could steer one. */
const plain = (text: string): string => text.slice(0, longest).replaceAll(/[^\x20-\x7e]/g, '?');
const text = z.string().transform(plain);

const origin = z.object({
  userAgent: text,
  /** The client's own, or that which a trusted proxy names. */
  ipAddress: text,
  /** Without what follows the question mark, which may hold anything. */
  requestPath: text,
});
export type Origin = z.output<typeof origin>;

/** Whose call it was, and of which run or other subject of an audit entry. What is moved to another does not open. */
interface Call {
  readonly tenant: string;
  readonly id: string;
}

export interface Origins {
  seal(call: Call, from: Origin): string;
  /** @throws Unprocessable CTX_PAYLOAD_MISMATCH, CRYPTO_KEY_RETIRED */
  open(call: Call, sealed: string): Origin;
}

/** @param keys a set whose ids are numbers, as it is now */
export const openOrigins = (keys: () => string): Origins => {
  const bodies = openBodies(keys);
  const placeOf = (call: Call) => ({ ...call, subject: 'origin', message: 'origin', version: '1', head: '' });
  return {
    seal: (call, from) =>
      Buffer.from(bodies.seal(placeOf(call), JSON.stringify(origin.parse(from)))).toString('base64url'),
    open: (call, sealed) =>
      origin.parse(JSON.parse(bodies.open(placeOf(call), Buffer.from(sealed, 'base64url')).toString())),
  };
};
