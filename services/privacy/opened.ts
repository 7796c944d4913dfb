import { Unprocessable } from '@jangada/hop/outcome.ts';
import type { Place } from '@jangada/vault/field.ts';
import type { KeyClass } from '@jangada/vault/keys.ts';
import type { Opener } from '@jangada/vault/vault.ts';

/** What a field says; null once the person was erased, whose rows may have to stay without what their keys sealed. */
export const openedOf = (opener: Opener, place: Place, of: KeyClass, bytes: Buffer): string | null => {
  try {
    return opener.open(place, of, bytes);
  } catch (error) {
    if (error instanceof Unprocessable && error.code === 'CRYPTO_KEY_SHREDDED') return null;
    throw error;
  }
};
