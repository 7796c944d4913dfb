import { type LookupAddress, type LookupOptions, lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { Unavailable } from '@jangada/hop/outcome.ts';
import ipaddr from 'ipaddr.js';
import { Agent, errors, request } from 'undici';

/** The only way out of a service: to hosts that whoever operates the system has named. */
export interface Outside extends AsyncDisposable {
  /** @throws Distrusted for an address that may not be asked */
  allow(url: URL): void;
  /** The JSON at an address. Follows no redirect. @throws Unavailable, because of Distrusted where it was answered */
  json(url: URL, key: string | undefined, signal: AbortSignal): Promise<unknown>;
  /**
   * Tells somebody something. What they answer, or nothing of an answer that broke off: it was taken all the same. Follows no
   * redirect. @throws Unavailable where it may be taken later; Distrusted where it never will
   */
  post(
    url: URL,
    headers: Readonly<Record<string, string>>,
    body: string,
    signal: AbortSignal,
  ): Promise<string>;
}

/** Why nothing outside was believed. */
export type Reason = 'address' | 'status' | 'type' | 'size' | 'shape';

/** What was answered outside, or would have been, is not used. Says why, and nothing of it. */
export class Distrusted extends Error {
  override readonly name = 'Distrusted';
  readonly reason: Reason;

  constructor(reason: Reason) {
    super(reason);
    this.reason = reason;
  }
}

const answerMaxBytes = 256 * 1024;
const silentMs = 2_000;

const isLoopback = (address: string): boolean => ipaddr.process(address).range() === 'loopback';
/** Addresses of everybody's network: not a private one, not one's own machine, not where clouds hand out credentials. */
const isPublic = (address: string): boolean => ipaddr.process(address).range() === 'unicast';
const bare = (hostname: string): string => hostname.replace(/^\[|\]$/g, '');

/** Names an address to connect to only if every address of the name may be asked. */
const publicLookup: LookupFunction = (hostname, options: LookupOptions, callback) => {
  lookup(hostname, { ...options, all: true }, (error, found: LookupAddress[] | string) => {
    const addresses = Array.isArray(found) ? found : [];
    const [first] = addresses;
    const isAllowed = first !== undefined && addresses.every(({ address }) => isPublic(address));
    if (error || !isAllowed) callback(error ?? new Distrusted('address'), '', 0);
    else if (options.all) callback(null, addresses);
    else callback(null, first.address, first.family);
  });
};

/** What is answered may be another the next time: too early, too often, or the fault of who answers. */
const isForNow = (status: number): boolean => status >= 500 || [408, 425, 429].includes(status);

/** `hosts` as settings name them: `<name>`, or `<name>:<port>` where it is not the usual one. */
export const openOutside = (hosts: readonly string[]): Outside => {
  const agent = new Agent({
    // A name is resolved once, by who connects: what was looked at is what is reached.
    connect: { lookup: publicLookup, timeout: silentMs },
    connections: 8,
    maxResponseSize: answerMaxBytes,
    headersTimeout: silentMs,
    bodyTimeout: silentMs,
  });

  const allow = (url: URL): void => {
    const address = bare(url.hostname);
    const isOwnMachine = isIP(address) > 0 && isLoopback(address);
    const isSecret = url.protocol === 'https:' || (url.protocol === 'http:' && isOwnMachine);
    const isReachable = isIP(address) === 0 || isOwnMachine || isPublic(address);
    const isPlain = url.username === '' && url.password === '';
    if (!hosts.includes(url.host) || !isSecret || !isReachable || !isPlain) throw new Distrusted('address');
  };

  return {
    allow,
    json: async (url, key, signal) => {
      try {
        allow(url);
        const { statusCode, headers, body } = await request(url, {
          dispatcher: agent,
          signal,
          headers: { accept: 'application/json', ...(key ? { authorization: `Bearer ${key}` } : {}) },
        });
        const isJson = /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(String(headers['content-type']));
        if (statusCode !== 200 || !isJson) {
          // Left in the middle, it tells so, and nobody else hears that.
          body.on('error', () => undefined).destroy();
          throw new Distrusted(statusCode === 200 ? 'type' : 'status');
        }
        return parsed(await body.text());
      } catch (error) {
        throw new Unavailable(
          'outside source',
          error instanceof errors.ResponseExceededMaxSizeError ? new Distrusted('size') : error,
        );
      }
    },
    post: async (url, given, text, signal) => {
      allow(url);
      const told = { method: 'POST', dispatcher: agent, signal, headers: { ...given }, body: text } as const;
      const { statusCode, body } = await request(url, told).catch((error) => {
        throw error instanceof Distrusted ? error : new Unavailable('outside', error);
      });
      const answer = await body.text().catch(() => '');
      if (isForNow(statusCode)) throw new Unavailable('outside', new Distrusted('status'));
      if (statusCode < 200 || statusCode > 299) throw new Distrusted('status');
      return answer;
    },
    [Symbol.asyncDispose]: () => agent.destroy(),
  };
};

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    throw new Distrusted('shape');
  }
};
