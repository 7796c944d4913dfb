/**
 * Where our words differ from those of the cases, and why. A case passes with any of the words that stand for its own.
 */

interface Alias {
  readonly code: string;
  readonly ours: readonly string[];
  /** Areas in which it stands for the other; everywhere, where none is named. */
  readonly areas?: readonly string[];
  readonly why: string;
}

export const codeAliases: readonly Alias[] = [
  { code: 'INPUT_TOO_LARGE', ours: ['PAYLOAD_TOO_LARGE'], why: 'the catalogue keeps the name of HTTP 413' },
  {
    code: 'UNAVAILABLE',
    ours: ['UPSTREAM_UNAVAILABLE', 'DEADLINE'],
    why: 'a run that waits for a service ends by its deadline at the latest',
  },
  {
    code: 'INPUT_INVALID',
    ours: ['INVALID_MESSAGE'],
    why: 'the AguiMessage dialect names a malformed frame so',
  },
  {
    code: 'INPUT_INVALID',
    ours: ['PAYLOAD_TOO_LARGE'],
    areas: ['input'],
    why: 'too much nesting or too many keys is a size',
  },
  {
    code: 'INPUT_INVALID',
    ours: ['SESSION_MISMATCH'],
    areas: ['authz'],
    why: 'a message that names another user is told so, and audited',
  },
  {
    code: 'INPUT_INVALID',
    ours: ['TENANT_ISOLATION_VIOLATION', 'AUTH_INVALID'],
    areas: ['tenant'],
    why: 'a tenant that is no tenant is another than the token’s; within a token, the token is not valid',
  },
  {
    code: 'NOT_FOUND',
    ours: ['TENANT_ISOLATION_VIOLATION'],
    areas: ['tenant', 'timing'],
    why: 'a foreign id and an unknown one get one answer; two codes would tell which is which',
  },
  { code: 'AUTH_ORIGIN', ours: ['AUTHZ_DENIED'], why: 'the name before the catalogue had one for origins' },
  {
    code: 'RATE_LIMITED',
    ours: ['SESSION_LIMIT', 'OVERLOADED'],
    areas: ['dos'],
    why: 'the code says which limit it was',
  },
  {
    code: 'CTX_INVALID',
    ours: ['CTX_NO_GRANT'],
    areas: ['context', 'tenant'],
    why: 'what is missing or forged is the grant, the second of the two roots',
  },
  {
    code: 'AUTH_STEP_UP',
    ours: ['MFA_REQUIRED'],
    areas: ['mfa'],
    why: 'who signed in with a password alone is told that a second factor is missing, with the same challenge',
  },
  { code: 'MSG_VERSION', ours: ['MSG_POISON'], why: 'a body of another version does not match its schema' },
];

/** True when `said` is the code that a case expects, or stands for it. */
export const standsFor = (said: string | undefined, expected: string, area: string): boolean =>
  said === expected ||
  codeAliases.some(
    ({ code, ours, areas = [area] }) =>
      code === expected && areas.includes(area) && ours.includes(said ?? ''),
  );

/** Close codes of ours that stand for those of a case. */
export const closeAliases: Readonly<
  Record<number, readonly { readonly ours: number; readonly why: string }[]>
> = {
  1008: [
    { ours: 403, why: 'an origin is refused before there is a socket to close, by HTTP' },
    { ours: 4408, why: 'our own code says that it was the time' },
  ],
  4429: [
    { ours: 429, why: 'a session above the limit is refused before there is a socket to close, by HTTP' },
  ],
};

/**
 * What stands for an audit entry where none can be: by the name that a case uses for the entry. Everything else must
 * be a new entry in the trail with the code that the attacker was told.
 */
export const audited: Readonly<
  Record<string, { readonly by: 'metric' | 'letter' | 'broker' | 'altered'; readonly why: string }>
> = {
  'auth.denied': {
    by: 'metric',
    why: 'who could not sign in has no tenant whose trail it would be; counted in agent_authentication_failures_total',
  },
  'ctx.forged': {
    by: 'letter',
    why: 'a message that does not verify names no tenant to be believed: each is kept with its reason as a dead letter, and one entry of the system’s own trail stands for all of a minute',
  },
  'cache.tamper': {
    by: 'altered',
    why: 'an entry of the cache names no person to whose trail it would belong; counted in cache_altered_total, and alerted on',
  },
  'nats.permission': {
    by: 'broker',
    why: 'the broker refuses before any service hears of it, and logs who it was',
  },
};
