import type { ErrorBody } from '@jangada/proto/errors.ts';
import { totpAt } from '@jangada/trust/totp.ts';
import { z } from 'zod';
import type { Account } from './accounts.ts';
import { causeOf, exitCodes, Failure } from './failure.ts';

/** Longer than any run may take, so that only a dead edge reaches it. */
const answerMs = 60_000;

/** @throws Failure when the edge does not answer */
export const post = async (
  url: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Response> => {
  try {
    return await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(answerMs),
    });
  } catch (error) {
    throw new Failure(
      `the edge at ${new URL(url).origin} does not answer (${causeOf(error)}); see \`npx jangada status\``,
      exitCodes.unreachable,
      error,
    );
  }
};

/** What the edge says instead of what was asked for. */
export const refusalOf = async (
  response: Response,
): Promise<{ code: string; message: string; field?: string }> => {
  const body = (await response.json().catch(() => ({}))) as Partial<ErrorBody>;
  return {
    code: body.code ?? `HTTP_${response.status}`,
    message: body.message ?? `the edge answered ${response.status}`,
    ...(body.field ? { field: body.field } : {}),
  };
};

const issued = z.object({ access_token: z.string(), refresh_token: z.string(), expires_in: z.number() });

/** An access token that is valid now; a conversation may last longer than one. */
export type Access = () => Promise<string>;
const renewBeforeMs = 30_000;

/** Signs in with a demo account. @throws Failure, then and whenever the token cannot be renewed */
export const signIn = async (edgeUrl: string, account: Account): Promise<Access> => {
  const { email, password, totpSecret } = account;
  const token = (body: object): Promise<Response> => post(`${edgeUrl}/v1/auth/token`, body);
  const otp = totpSecret ? { otp: totpAt(totpSecret, Date.now()) } : {};
  let response = await token({ email, password, ...otp });
  // A code works once, and the next is up to half a minute away. Asking takes no second factor.
  if (!response.ok && totpSecret && (await refusalOf(response.clone())).code === 'MFA_REPLAY')
    response = await token({ email, password });
  const take = async () => {
    if (response.ok) {
      const current = issued.parse(await response.json());
      return { ...current, renewAt: Date.now() + current.expires_in * 1_000 - renewBeforeMs };
    }
    const { code, message } = await refusalOf(response);
    throw new Failure(`${account.alias} cannot sign in: ${message} (${code})`);
  };
  let current = await take();
  return async () => {
    if (Date.now() > current.renewAt) {
      response = await token({ grant_type: 'refresh_token', refresh_token: current.refresh_token });
      current = await take();
    }
    return current.access_token;
  };
};
