import { generateSecret, generateSync, generateURI, verifySync } from 'otplib';

/** One-time codes by time (RFC 6238: SHA-1, steps of 30 s, 6 digits), as every authenticator app makes them. */

const stepSeconds = 30;
export const codePattern = /^\d{6}$/;

/** A fresh secret of 160 bits (RFC 4226 §4), in base32. */
export const newTotpSecret = (): string => generateSecret({ length: 20 });

/** What an authenticator app scans. */
export const totpUri = (secret: string, account: string): string =>
  generateURI({ issuer: 'Jangada', label: account, secret });

/** The code of a moment, in ms since 1970. */
export const totpAt = (secret: string, atMs: number): string =>
  generateSync({ secret, epoch: Math.floor(atMs / 1_000) });

/**
 * The time step whose code this is: the present one or a neighbour, for clocks that differ. Undefined when it is none.
 * Whoever accepts it must note the step and refuse it and all before from then on (RFC 6238 §5.2).
 */
export const totpStep = (secret: string, code: string, atMs: number): number | undefined => {
  if (!codePattern.test(code)) return undefined;
  const epoch = Math.floor(atMs / 1_000);
  const result = verifySync({ secret, token: code, epoch, epochTolerance: stepSeconds });
  return result.valid ? Math.floor(epoch / stepSeconds) + result.delta : undefined;
};
