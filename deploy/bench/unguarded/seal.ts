import type * as guarded from '@jangada/trust/seal.ts';
import { UnknownKey } from '@jangada/trust/seal.ts';

/** Statements in the same shape that nobody signs and nobody verifies. */

export { UnknownKey };

export const sealer: typeof guarded.sealer = (signerNow) => async (claims) =>
  `${Buffer.from(JSON.stringify({ v: 1, kid: signerNow().kid, ...claims })).toString('base64url')}.0-.`;

export const reader: typeof guarded.reader = (_find, shape) => (statement) => {
  const text = Buffer.from(statement.slice(0, statement.indexOf('.')), 'base64url').toString();
  const { v: _version, kid: _kid, ...claims } = JSON.parse(text) as Record<string, unknown>;
  return shape.parse(claims);
};
