import { Failure, failureOf } from './failure.ts';

/**
 * Who is signed in. Tokens live in this object and nowhere else: what a tab keeps outlives it, and what a page can read
 * back so can whatever gets into the page. Reloading therefore asks to sign in again.
 */

/** Who somebody is and what they may do, as `GET /v1/auth/me` tells it. */
export interface Me {
  readonly account: string;
  readonly email: string;
  readonly role: string;
  readonly tenant: { readonly id: string; readonly zone: string; readonly locale: string };
  readonly permissions: readonly string[];
  readonly assurance: 'aal1' | 'aal2';
  readonly secondFactor: boolean;
  /** The person in the organisation's records that it is. */
  readonly person?: string;
  /** What of the agenda is theirs to see and to change, and what its parts are called in addresses. */
  readonly agenda?: Bookable;
  readonly suggestions: Readonly<Record<'en' | 'pt-BR', readonly string[]>>;
}

export interface Bookable {
  readonly may: 'read' | 'book';
  readonly minutes: number;
  /** The field of bookings that says whom they are for. */
  readonly whom: string;
  readonly names: Readonly<Record<'people' | 'providers' | 'services' | 'bookings', string>>;
}

interface Issued {
  readonly access_token: string;
  readonly expires_in: number;
  readonly refresh_token?: string;
}

interface Tokens {
  readonly access: string;
  readonly refresh: string | undefined;
  /** In ms since 1970. */
  readonly until: number;
}

/** What is shown of the session. */
export interface Standing {
  readonly me: Me | undefined;
  /** Why the last one ended, where that was not asked for. */
  readonly ended: Failure | undefined;
}

/** Renewed this long before its end, so that no request meets it on the way. */
const earlyMs = 30_000;
const over: ReadonlySet<string> = new Set(['AUTH_INVALID', 'AUTH_REVOKED', 'AUTH_REPLAY', 'AUTH_MISSING']);

/** What is read of an answer. */
type Read = (response: Response) => Promise<unknown>;

const json: Read = (response) => response.json().catch(() => undefined);

const send = async (path: string, init: RequestInit, read = json): Promise<unknown> => {
  const response = await fetch(path, init).catch(() => {
    throw new Failure('NETWORK');
  });
  if (!response.ok) throw failureOf(await json(response), response.headers.get('retry-after'));
  return read(response);
};

const asJson = (body: unknown, headers: Readonly<Record<string, string>> = {}): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(body),
});

export const openSession = () => {
  let tokens: Tokens | undefined;
  let standing: Standing = { me: undefined, ended: undefined };
  let renewing: Promise<void> | undefined;
  const watchers = new Set<() => void>();

  const show = (next: Standing): void => {
    standing = next;
    for (const watcher of watchers) watcher();
  };
  const take = ({ access_token, expires_in, refresh_token }: Issued): void => {
    tokens = {
      access: access_token,
      refresh: refresh_token ?? tokens?.refresh,
      until: Date.now() + expires_in * 1_000,
    };
  };
  const end = (ended?: Failure): void => {
    tokens = undefined;
    show({ me: undefined, ended });
  };

  const renew = async (): Promise<void> => {
    const refresh = tokens?.refresh;
    if (!refresh) throw new Failure('AUTH_EXPIRED');
    take(
      (await send(
        '/v1/auth/token',
        asJson({ grant_type: 'refresh_token', refresh_token: refresh }),
      )) as Issued,
    );
  };
  /** Each refresh token works once, so whoever needs a new one waits for the same. */
  const renewOnce = (): Promise<void> => {
    renewing ??= renew().finally(() => {
      renewing = undefined;
    });
    return renewing;
  };

  const authorised = async (path: string, init: RequestInit, read: Read): Promise<unknown> => {
    if (!tokens) throw new Failure('AUTH_MISSING');
    if (tokens.until - Date.now() < earlyMs) await renewOnce();
    const headers = { ...init.headers, authorization: `Bearer ${tokens.access}` };
    return send(path, { ...init, headers }, read);
  };

  /** Asks as who is signed in. @throws Failure, and ends the session where that is over */
  const ask = async (path: string, init: RequestInit, read: Read): Promise<unknown> => {
    try {
      return await authorised(path, init, read).catch(async (error: unknown) => {
        if (!(error instanceof Failure && error.code === 'AUTH_EXPIRED')) throw error;
        await renewOnce();
        return authorised(path, init, read);
      });
    } catch (error) {
      // A wrong one-time code is no end of a session.
      const isProof = path.startsWith('/v1/auth/mfa/');
      if (
        error instanceof Failure &&
        tokens &&
        !isProof &&
        (over.has(error.code) || error.code === 'AUTH_EXPIRED')
      )
        end(error);
      throw error;
    }
  };
  const call = async <T>(path: string, body?: unknown, headers?: Record<string, string>): Promise<T> =>
    (await ask(path, body === undefined ? {} : asJson(body, headers), json)) as T;
  const meet = async (): Promise<Me> => {
    const me = await call<Me>('/v1/auth/me');
    show({ me, ended: undefined });
    return me;
  };

  return {
    call,
    /** What an address hands over, as a file. @throws Failure */
    fetchFile: async (path: string): Promise<Blob> =>
      (await ask(path, {}, (response) => response.blob())) as Blob,
    standing: () => standing,
    watch: (watcher: () => void) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    /** Who it is, before the page is shown to them: a second factor may come first. @throws Failure */
    signIn: async (email: string, password: string): Promise<Me> => {
      take((await send('/v1/auth/token', asJson({ email, password }))) as Issued);
      return call<Me>('/v1/auth/me');
    },
    enter: meet,
    /** Raises the session by a one-time or recovery code. @throws Failure */
    prove: async (otp: string): Promise<void> => take(await call<Issued>('/v1/auth/mfa/verify', { otp })),
    enrol: () => call<{ secret: string; otpauth_uri: string }>('/v1/auth/mfa/enrol', {}),
    /** Makes the new factor count; returns the recovery codes, which are shown this once. @throws Failure */
    confirm: async (otp: string): Promise<readonly string[]> => {
      const { recovery_codes, ...issued } = await call<Issued & { recovery_codes: string[] }>(
        '/v1/auth/mfa/confirm',
        { otp },
      );
      take(issued);
      return recovery_codes;
    },
    /** For a socket: the token that is good now, or the next where one was refused. @throws Failure */
    token: async (refused?: string): Promise<string> => {
      try {
        if (refused !== undefined || (tokens && tokens.until - Date.now() < earlyMs)) await renewOnce();
      } catch (error) {
        if (error instanceof Failure && tokens && error.code !== 'NETWORK') end(error);
        throw error;
      }
      if (!tokens) throw new Failure('AUTH_MISSING');
      return tokens.access;
    },
    signOut: async (): Promise<void> => {
      await call('/v1/auth/logout', {}).catch(() => undefined);
      end();
    },
    end,
  };
};

export type Session = ReturnType<typeof openSession>;
