import { Unavailable, Unprocessable } from '@jangada/hop/outcome.ts';
import { z } from 'zod';
import type { Root } from './root.ts';

/**
 * The transit engine of HashiCorp Vault or OpenBao. Keys are wrapped there under a named key of type aes256-gcm96,
 * with the purpose as associated data; the ciphertext names the version, `vault:v<n>:…`.
 */

const timeoutMs = 2_000;

const encrypted = z.object({ data: z.object({ ciphertext: z.string().regex(/^vault:v\d+:/) }) });
const decrypted = z.object({ data: z.object({ plaintext: z.string() }) });
const described = z.object({ data: z.object({ type: z.string(), latest_version: z.int() }) });

export const transitRoot = (settings: { address: string; token: string; key: string }): Root => {
  const base = `${settings.address.replace(/\/+$/, '')}/v1/transit`;
  const name = encodeURIComponent(settings.key);
  const versionName = (version: number | string): string => `transit:${settings.key}:v${version}`;

  const ask = async <S extends z.ZodType>(path: string, shape: S, body?: object): Promise<z.output<S>> => {
    let answer: Response;
    let json: unknown;
    try {
      answer = await fetch(`${base}/${path}`, {
        method: body ? 'POST' : 'GET',
        headers: { 'X-Vault-Token': settings.token, 'X-Vault-Request': 'true' },
        signal: AbortSignal.timeout(timeoutMs),
        redirect: 'error',
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      json = await answer.json().catch(() => undefined);
    } catch (error) {
      throw new Unavailable('root', error);
    }
    // 400 is its word for what does not decrypt; all else, a token that expired included, an operator can mend.
    if (answer.status === 400) throw new Unprocessable('CRYPTO_AAD', 'the root does not unwrap this key');
    const parsed = shape.safeParse(json);
    if (!answer.ok || !parsed.success) throw new Unavailable('root', new Error(`HTTP ${answer.status}`));
    return parsed.data;
  };
  const bound = (purpose: string) => ({ associated_data: Buffer.from(purpose).toString('base64') });
  const describe = async () => {
    const { data } = await ask(`keys/${name}`, described);
    if (data.type !== 'aes256-gcm96') throw new Unavailable('root', new Error('its key is not aes256-gcm96'));
    return data;
  };

  return {
    current: async () => versionName((await describe()).latest_version),
    wrap: async (key, purpose) => {
      const body = { plaintext: key.toString('base64'), ...bound(purpose) };
      const { ciphertext } = (await ask(`encrypt/${name}`, encrypted, body)).data;
      return { root: versionName(ciphertext.split(':')[1]?.slice(1) ?? ''), bytes: Buffer.from(ciphertext) };
    },
    unwrap: async ({ bytes }, purpose) => {
      const body = { ciphertext: bytes.toString(), ...bound(purpose) };
      return Buffer.from((await ask(`decrypt/${name}`, decrypted, body)).data.plaintext, 'base64');
    },
    health: async () => void (await describe()),
  };
};
