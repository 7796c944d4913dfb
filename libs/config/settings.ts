import { isIP } from 'node:net';
import { z } from 'zod';

/**
 * Every setting there is. A service names those it reads; the table of them in docs/settings.md is generated.
 * Any setting may come from a file instead: `<NAME>_FILE` holds its path.
 */

interface Setting<S extends z.ZodType = z.ZodType> {
  readonly says: string;
  readonly value: S;
  /** Never shown, in no log and no error. */
  readonly secret?: true;
  /** Its file is read again when it changes: the value is a function that returns the text as it is now. */
  readonly reread?: true;
}

/** Keys that are replaced while we run: a JWK set, of which the newest key whose time has come is used. */
const keySet = (says: string) =>
  ({ says: `${says} (JWK set)`, value: z.string(), secret: true, reread: true }) as const;

const setting = <S extends z.ZodType>(declared: Setting<S>): Setting<S> => declared;
const port = z.coerce.number().int().min(0).max(65_535);
const positive = z.coerce.number().int().min(1);
const wholeSeconds = positive.multipleOf(1_000);
const isRange = (text: string): boolean => {
  const [address = '', bits, ...rest] = text.split('/');
  const longest = isIP(address) === 6 ? 128 : 32;
  return isIP(address) > 0 && rest.length === 0 && (bits === undefined || Number(bits) <= longest);
};
const key32 = z.string().transform((text, context) => {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length !== 32) context.addIssue('must be 32 bytes in base64');
  return bytes;
});

/** JSON of names and what belongs to each. */
const byName = (names: string, values: string, value: z.ZodType<string>) =>
  z.string().transform((text, context): Readonly<Record<string, string>> => {
    const { data } = z.record(z.string(), value).safeParse(parsedOr(undefined, text));
    if (!data) context.addIssue(`must be JSON of ${names} and ${values}`);
    return data ?? {};
  });

const hosts = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((host) => host.trim().toLowerCase())
      .filter(Boolean),
  );

const parsedOr = <T>(otherwise: T, text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return otherwise;
  }
};

export const settings = {
  NODE_ENV: setting({
    says: 'where this runs, for libraries that ask; in production no service starts under a debugger, and nothing else of ours depends on it',
    value: z.enum(['development', 'production', 'test']).default('development'),
  }),
  JANGADA_ENV: setting({
    says: 'name of this deployment; what was signed in another one is not believed here',
    value: z
      .string()
      .regex(/^[a-z0-9-]{1,40}$/)
      .default('local'),
  }),
  TLS_CA: setting({
    says: 'an authority of one’s own (PEM), usually by TLS_CA_FILE, that vouches for broker, database and cache',
    value: z.string().optional(),
  }),
  NATS_URL: setting({
    says: 'the broker; tls:// speaks nothing else',
    // The client library checks no name where it is given an address.
    value: z.string().regex(/^(nats:\/\/|tls:\/\/(?![\d.]+(:|$)|\[))/, 'nats:// or tls:// with a name'),
  }),
  NATS_NKEY_SEED: setting({
    says: 'this service’s own identity at the broker',
    value: z.string().startsWith('SU'),
    secret: true,
  }),
  DATABASE_URL: setting({
    says: 'PostgreSQL, as the role of this service; with sslmode=verify-full by TLS',
    value: z.url(),
    secret: true,
  }),
  DATABASE_POOL_SIZE: setting({
    says: 'connections to PostgreSQL at most',
    value: z.coerce.number().int().min(1).max(200).default(10),
  }),
  DATABASE_TENANT_URLS: setting({
    says: 'PostgreSQL of tenants with a database of their own, as JSON {"<tenant>": "<url>"}; all others share DATABASE_URL',
    value: byName('tenants', 'URLs', z.url()).prefault('{}'),
    secret: true,
  }),
  REDIS_URL: setting({
    says: 'the shared cache; gone means slower, never wrong; rediss:// is by TLS',
    value: z.url({ protocol: /^rediss?$/ }),
    secret: true,
  }),
  ENCRYPTION_KEY: setting({
    says: 'root key, 32 bytes in base64; there is no default',
    value: key32,
    secret: true,
  }),
  ENCRYPTION_KEYS_ACCEPTED: setting({
    says: 'further root keys that unwrap, comma-separated: the one before, while a rotation lasts, or the one to come',
    value: z
      .string()
      .default('')
      .transform((text, context) => {
        const keys = text.split(',').filter(Boolean);
        const bytes = keys.map((key) => Buffer.from(key, 'base64'));
        if (bytes.some((key) => key.length !== 32)) context.addIssue('must be 32 bytes each in base64');
        return bytes;
      }),
    secret: true,
  }),
  AI_ENCRYPTION_PROVIDER: setting({
    says: 'where the root of all field keys is: ENCRYPTION_KEY (LOCAL), Vault or OpenBao transit (VAULT), or AWS KMS',
    value: z.enum(['LOCAL', 'VAULT', 'AWS_KMS']).default('LOCAL'),
  }),
  AI_ENCRYPTION_KEY_SPEC: setting({
    says: 'what every key is',
    value: z.literal('AES_256').default('AES_256'),
  }),
  AI_ENCRYPTION_KEY_ROTATION_ENABLED: setting({
    says: 'whether keys are rotated by age',
    value: z.stringbool().default(true),
  }),
  AI_AGENT_ENCRYPTION_KEY_ROTATION_HOURS: setting({
    says: 'age from which a tenant’s key is due for rotation',
    value: z.coerce.number().positive().default(24),
  }),
  VAULT_ADDR: setting({ says: 'Vault or OpenBao, for VAULT', value: z.url().optional() }),
  VAULT_TOKEN: setting({
    says: 'may encrypt and decrypt with the transit key and read it',
    value: z.string().optional(),
    secret: true,
  }),
  VAULT_TRANSIT_KEY: setting({ says: 'name of the transit key', value: z.string().default('jangada') }),
  AI_KMS_KEY_ID: setting({
    says: 'id, ARN or alias of the KMS key, for AWS_KMS',
    value: z.string().optional(),
  }),
  AI_KMS_REGION: setting({ says: 'its AWS region', value: z.string().optional() }),
  AI_KMS_ENDPOINT: setting({ says: 'a KMS endpoint other than the region’s own', value: z.url().optional() }),
  KEY_RING_ROOT: setting({
    says: 'public keys of whoever signs the key ring (JWK set); no other ring is believed',
    value: z.string(),
  }),
  PASS_PRIVATE_KEYS: keySet('sign passes; only the edge holds them'),
  GRANT_PRIVATE_KEYS: keySet('sign grants; only permission holds them'),
  GRANT_DATABASE_KEYS: keySet('seal grants for PostgreSQL; only permission holds them'),
  MESSAGE_KEYS: keySet('seal the bodies of messages; only those that handle bodies hold them'),
  PASS_ORIGIN_KEYS: keySet(
    'seal from where somebody called; only the edge holds them, and who reads the audit trail',
  ),
  AUDIT_CHECKPOINT_KEYS: keySet(
    'sign how far the chains of the audit trail have come; only audit holds them',
  ),
  PRIVACY_CERTIFICATE_KEYS: keySet('sign what came of privacy requests; only privacy holds them'),
  AUDIT_CHECKPOINT_LOG: setting({
    says: 'a file that checkpoints of the audit trail are appended to, on another disk than the database; none where it is absent',
    value: z.string().min(1).optional(),
  }),
  TOKEN_PRIVATE_KEYS: keySet('sign access tokens of the log-in; only the edge holds them'),
  OIDC_ISSUER: setting({
    says: 'an outside issuer whose access tokens are accepted too',
    value: z.url().optional(),
  }),
  OIDC_AUDIENCE: setting({
    says: 'audience that the outside issuer’s tokens must name',
    value: z.string().default('jangada'),
  }),
  AI_AGENT_SESSION_TTL_MINUTES: setting({
    says: 'a session that nobody uses ends after so many minutes, one of a log-in and one of questions to an agent; after 12 hours each log-in does',
    value: z.coerce.number().int().min(1).max(720).default(30),
  }),
  JANGADA_HOST: setting({ says: 'address the edge listens on', value: z.string().default('127.0.0.1') }),
  JANGADA_PORT: setting({ says: 'port of the edge; 0 takes a free one', value: port.default(3000) }),
  TLS_CERT: setting({
    says: 'certificate chain of the edge (PEM), usually by TLS_CERT_FILE; with it the edge speaks TLS 1.3',
    value: z.string().optional(),
  }),
  TLS_KEY: setting({
    says: 'private key of the certificate (PEM), usually by TLS_KEY_FILE',
    value: z.string().optional(),
    secret: true,
  }),
  TLS_PROXY: setting({
    says: 'true where something in front ends TLS; without that and without a certificate the edge listens to its own machine only',
    value: z.stringbool().default(false),
  }),
  JANGADA_MAX_CONNECTIONS: setting({
    says: 'connections to one edge at most; what comes beyond is dropped unheard',
    value: z.coerce.number().int().min(1).max(1_000_000).default(10_000),
  }),
  HEALTH_HOST: setting({
    says: 'address of health and metrics, on the internal network',
    value: z.string().default('127.0.0.1'),
  }),
  HEALTH_PORT: setting({ says: 'port of health and metrics; 0 takes a free one', value: port.default(3001) }),
  SERVICE_WEIGHT: setting({
    says: 'share of calls that this instance gets, beside other instances of its service',
    value: positive.default(1),
  }),
  CONSOLE_DIR: setting({
    says: 'folder of the built web console, served at /console/; none means no console',
    value: z.string().optional(),
  }),
  TRACES_URL: setting({
    says: 'where a run’s trace is shown, {run} for its id; the console links there',
    value: z.url().optional(),
  }),
  ALLOWED_ORIGINS: setting({
    says: 'web origins that may connect, comma-separated; none means no browser page of another origin',
    value: z
      .string()
      .default('')
      .transform((text) => text.split(',').filter(Boolean)),
  }),
  TRUSTED_PROXIES: setting({
    says: 'addresses or CIDR ranges of proxies whose X-Forwarded-For is believed, comma-separated; none means nobody’s',
    value: z
      .string()
      .default('')
      .transform((text, context) => {
        const ranges = text
          .split(',')
          .map((range) => range.trim())
          .filter(Boolean);
        for (const range of ranges) if (!isRange(range)) context.addIssue(`${range} is not an address`);
        return ranges;
      }),
  }),
  PRIVACY_REVIEW: setting({
    says: 'erasure: somebody who administers approves before anything of a person is destroyed; none: the table of what the law has kept is enough',
    value: z.enum(['none', 'erasure']).default('none'),
  }),
  RATE_LIMIT_PROFILE: setting({
    says: 'production: the packs’ limits; loadtest: ten thousand times as much, except of failed log-ins to one account',
    value: z.enum(['production', 'loadtest']).default('production'),
  }),
  RATE_LIMIT_REPLICAS: setting({
    says: 'instances of a service that share a limit; each takes its part while Redis is away',
    value: positive.default(1),
  }),
  AI_AGENT_MAX_SESSIONS_PER_IP: setting({
    says: 'WebSockets that one address may hold open at once',
    value: positive.default(10),
  }),
  PUBLIC_AI_RATE_LIMIT_MAX_REQUESTS: setting({
    says: 'questions to the public agent from one address in its window',
    value: positive.default(50),
  }),
  PUBLIC_AI_RATE_LIMIT_WINDOW_MS: setting({
    says: 'that window, in ms; whole seconds',
    value: wholeSeconds.default(900_000),
  }),
  TENANT_AI_RATE_LIMIT_MAX_REQUESTS: setting({
    says: 'questions to a tenant’s agent from one person in its window',
    value: positive.default(100),
  }),
  TENANT_AI_RATE_LIMIT_WINDOW_MS: setting({
    says: 'that window, in ms; whole seconds',
    value: wholeSeconds.default(300_000),
  }),
  RUN_DEADLINE_MS: setting({
    says: 'longest a run may take before its terminal answer',
    value: z.coerce.number().int().min(1_000).max(60_000).default(30_000),
  }),
  AI_SERVICE_PROVIDER: setting({
    says: 'the protocol that the model is spoken to in: of OpenAI’s chat completions, Anthropic’s messages or Ollama’s chat',
    value: z.enum(['openai', 'anthropic', 'ollama']).default('openai'),
  }),
  AI_SERVICE_URL: setting({
    says: 'the model’s API, as https://host/v1 or, of Ollama, http://host:11434/api; none means the composer answers',
    value: z.url({ protocol: /^https?$/ }).optional(),
  }),
  AI_SERVICE_API_KEY: setting({ says: 'key for the model', value: z.string().optional(), secret: true }),
  AI_SERVICE_MODEL: setting({ says: 'name of the model', value: z.string().default('default') }),
  AI_SERVICE_SMALL_MODEL: setting({
    says: 'name of a smaller model for answers of one row or figure; none means AI_SERVICE_MODEL',
    value: z.string().optional(),
  }),
  TOOL_HOSTS: setting({
    says: 'hosts that tools may ask, comma-separated, with the port where it is not 443; none means that no tool asks anybody. By https and at public addresses only, but for a loopback address that is named here',
    value: hosts,
  }),
  TOOL_URLS: setting({
    says: 'what each tool asks, as JSON {"<tool>": "<url>"}; one that is not named is told what is stored',
    value: byName('tools', 'URLs', z.url({ protocol: /^https?$/ })).prefault('{}'),
  }),
  TOOL_KEYS: setting({
    says: 'keys for what tools ask, as JSON {"<tool>": "<key>"}',
    value: byName('tools', 'keys', z.string().min(1)).prefault('{}'),
    secret: true,
  }),
  WEBHOOK_HOSTS: setting({
    says: 'hosts that may be told of bookings, and of what became of data that were passed on, comma-separated, with the port where it is not 443; by https and at public addresses only, but for a loopback address that is named here',
    value: hosts,
  }),
  NOTIFICATION_URLS: setting({
    says: 'who tells people of their bookings by mail or message, as JSON {"<tenant>": "<url>"}; of a tenant that is not named nobody is told',
    value: byName('tenants', 'URLs', z.url({ protocol: /^https?$/ })).prefault('{}'),
  }),
  BILLING_URLS: setting({
    says: 'who charges for bookings, as JSON {"<tenant>": "<url>"}; those of a tenant that is not named are not charged',
    value: byName('tenants', 'URLs', z.url({ protocol: /^https?$/ })).prefault('{}'),
  }),
  RECIPIENT_URLS: setting({
    says: 'who is told that what was passed on to them was erased or corrected, as JSON {"<tenant>/<recipient>": "<url>"}; of others somebody has to say that they were told',
    value: byName('recipients', 'URLs', z.url({ protocol: /^https?$/ })).prefault('{}'),
  }),
  WEBHOOK_KEYS: setting({
    says: 'what is told there is signed with, as JSON {"<tenant>": "<key>"}',
    value: byName('tenants', 'keys', z.string().min(16)).prefault('{}'),
    secret: true,
  }),
  BOOKING_HOLD_MINUTES: setting({
    says: 'how long a booking waits to be confirmed before it is undone; 0 where none has to be',
    value: z.coerce.number().int().min(0).max(43_200).default(0),
  }),
  BOOKING_REMINDER_HOURS: setting({
    says: 'how long before a booking its person is reminded; 0 for never',
    value: z.coerce.number().int().min(0).max(720).default(24),
  }),
  EMBEDDING_PROVIDER: setting({
    says: 'what makes the vectors that texts are found by: this code (local), or an endpoint that speaks as OpenAI’s embeddings (openai)',
    value: z.enum(['local', 'openai']).default('local'),
  }),
  EMBEDDING_URL: setting({
    says: 'that endpoint’s API, as https://host/v1',
    value: z.url({ protocol: /^https?$/ }).optional(),
  }),
  EMBEDDING_API_KEY: setting({ says: 'key for it', value: z.string().optional(), secret: true }),
  EMBEDDING_MODEL: setting({ says: 'name of its model', value: z.string().default('default') }),
  EMBEDDING_DIMENSIONS: setting({
    says: 'numbers of a vector, a byte each; longer vectors of a model are shortened to it. Changing it makes a new index',
    value: z.coerce.number().int().min(16).max(4_096).default(256),
  }),
  EMBEDDING_NEAR: setting({
    says: 'cosine from which a model’s vectors mean the same; measure it for the model. The local provider has its own',
    value: z.coerce.number().min(0).max(1).default(0.5),
  }),
  CACHE_ALIKE: setting({
    says: 'cosine from which a question for texts is answered with what was found for another one, of the same tenant, rights and categories; 1 takes none for another',
    value: z.coerce.number().min(0).max(1).default(1),
  }),
  AI_AGENT_PUBLIC_ENABLED: setting({
    says: 'whether the agent that is open to all answers',
    value: z.stringbool().default(true),
  }),
  AI_AGENT_TENANT_ENABLED: setting({
    says: 'whether the agent of a tenant answers under /v1/ai-agents',
    value: z.stringbool().default(true),
  }),
  PREWARM: setting({
    says: 'whether an edge is ready only when what visitors ask most was answered once, so that nobody is the first to ask a cold system',
    value: z.stringbool().default(false),
  }),
  PUBLIC_TENANT: setting({
    says: 'the tenant in whose name the public agent answers; none means that it does not',
    value: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,64}$/)
      .optional(),
  }),
  AI_SECURITY_LEVEL: setting({
    says: 'how readily a question that tries to command is refused: OFF not at all, LOW what can hardly be anything else, STANDARD, MAXIMUM also what is merely suspicious',
    value: z.enum(['OFF', 'LOW', 'STANDARD', 'MAXIMUM']).default('STANDARD'),
  }),
  AI_SECURITY_RULES: {
    says: 'JSON of signs of attacks, over our own (docs/guard.md); from a file, it is read again when it changes',
    value: z.string().default(''),
    reread: true,
  } as const,
  LOG_LEVEL: setting({
    says: 'least level that is logged',
    value: z.enum(['DEBUG', 'INFO', 'WARNING', 'ERROR']).default('INFO'),
  }),
  OTEL_EXPORTER_OTLP_ENDPOINT: setting({
    says: 'where traces go (OTLP over HTTP); none means nowhere',
    value: z.url().optional(),
  }),
  OTEL_TRACES_SAMPLER_ARG: setting({
    says: 'share of runs that are traced, 0 to 1',
    value: z.coerce.number().min(0).max(1).default(1),
  }),
  DURABILITY: setting({
    says: 'always: an acknowledged message is on disk; relaxed: within a second, for development',
    value: z.enum(['always', 'relaxed']).default('relaxed'),
  }),
} as const;

export type Name = keyof typeof settings;
type Value<K extends Name> = (typeof settings)[K] extends { reread: true }
  ? () => string
  : z.output<(typeof settings)[K]['value']>;
export type Values<N extends Name> = { readonly [K in N]: Value<K> };

/** True for a setting whose file may change while we run. */
export const isReread = (name: Name): boolean => 'reread' in settings[name];

/** Names of settings that are never shown. */
export const secrets: readonly Name[] = (Object.keys(settings) as Name[]).filter(
  (name) => 'secret' in settings[name],
);
