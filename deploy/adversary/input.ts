import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import * as run from '@jangada/proto/run.ts';
import type { AttackCase } from './case.ts';
import { area, type Observed } from './driver.ts';
import { type Ground, queryFrame } from './ground.ts';

/** What comes in by the door and should not: each payload by WebSocket and by HTTP. */

const question = 'quantas consultas tenho hoje?';

/** Sends frames one by one on sockets of their own; every one of them has to be refused. */
export const frames = async (
  ground: Ground,
  sent: readonly (object | string | Buffer)[],
  alias = 'professional',
): Promise<Observed> => {
  const { token } = await ground.as(alias);
  const codes: (string | undefined)[] = [];
  const told: string[] = [];
  let close: number | undefined;
  for (const frame of sent) {
    using talk = await ground.socket({ token });
    talk.send(frame);
    codes.push(await talk.code());
    told.push(...talk.frames);
    close ??= await Promise.race([talk.closed, sleep(50, undefined)]);
  }
  return { refused: !codes.includes(undefined), code: [...new Set(codes)].join('/'), close, told };
};

/** The same as bodies of `POST /v1/query`. */
export const bodies = async (
  ground: Ground,
  sent: readonly (object | string)[],
  alias = 'professional',
): Promise<Observed> => {
  const { token } = await ground.as(alias);
  const answers = [];
  for (const body of sent) answers.push(await ground.http('POST', '/v1/query', { token, body }));
  return {
    refused: answers.every(({ status }) => status >= 400 && status < 500),
    code: [...new Set(answers.map(({ code }) => code))].join('/'),
    told: answers.map(({ text }) => text),
  };
};

/** Both doors refuse, or it is not refused. */
export const both = (inFrame: Observed, inBody: Observed): Observed => {
  const codes = new Set([...(inFrame.code?.split('/') ?? []), ...(inBody.code?.split('/') ?? [])].map(plain));
  return {
    ...inFrame,
    refused: inFrame.refused === true && inBody.refused === true,
    code: [...codes].join('/'),
    told: [...(inFrame.told ?? []), ...(inBody.told ?? [])],
    note: `socket: ${inFrame.code || 'answered'}; http: ${inBody.code || 'answered'}`,
  };
};

/** What the two doors call an input that is no good. */
const plain = (code: string): string => (code === 'INVALID_MESSAGE' ? 'INPUT_INVALID' : code);

const pollution = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const polluted = ['{"__proto__":{"admin":true}', '{"constructor":{"prototype":{"admin":true}}'];
  const text = JSON.stringify(queryFrame(question)).slice(1);
  const body = JSON.stringify({ query: question }).slice(1);
  const inFrame = await frames(ground, [
    ...polluted.map((start) => `${start},${text}`),
    JSON.stringify(queryFrame(question)).replace('"payload":{', '"payload":{"__proto__":{"admin":true},'),
  ]);
  const inBody = await bodies(
    ground,
    polluted.map((start) => `${start},${body}`),
  );
  // The same process answers afterwards, and as before.
  const after = await ground.ask('client', 'lista de clientes Bruno Rocha');
  return {
    ...both(inFrame, inBody),
    figures: { 'Object.prototype.admin': after.status === 200 && after.content.includes('Bruno') },
  };
};

const unknownFields = async (_one: AttackCase, ground: Ground): Promise<Observed> =>
  both(
    await frames(ground, [
      queryFrame(question, { role: 'admin' }),
      queryFrame(question, { payload: { role: 'admin' } }),
      queryFrame(question, { metadata: { role: 'admin' } }),
    ]),
    await bodies(ground, [
      { query: question, role: 'admin' },
      { query: question, scope: 'tenant' },
    ]),
  );

const numbers = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const values = ['-1', '1e309', '"NaN"', '0.5', '9007199254740993'];
  const limited = (text: string, value: string) => `${text.slice(0, -1)},"limit":${value}}`;
  return both(
    await frames(
      ground,
      values.map((value) =>
        JSON.stringify(queryFrame(question)).replace('"payload":{', `"payload":{"limit":${value},`),
      ),
    ),
    await bodies(
      ground,
      values.map((value) => limited(JSON.stringify({ query: question }), value)),
    ),
  );
};

const dates = async (one: AttackCase, ground: Ground): Promise<Observed> => {
  const most = Number(one.expected['max_days'] ?? 366);
  const asked = [
    'quantas consultas de 01/01/0001 a 31/12/9999?',
    'quantas consultas de 31/12/2026 a 01/01/2026?',
    'quantas consultas em 29/02/2027?',
  ];
  const spans: number[] = [];
  const codes = new Set<string>();
  let unbounded = 0;
  for (const text of asked) {
    const told = await ground.ask('admin', text);
    if (told.code) codes.add(told.code);
    const [fact] = await ground.journey.stored('FACTS', `run.permitted.*.${told.run}`);
    if (!fact) continue;
    const { period } = ground.journey.opened(run.permitted, fact).plan.filter;
    if (period) spans.push((Date.parse(period.to) - Date.parse(period.from)) / 86_400_000);
    else unbounded += 1;
  }
  const clamped = unbounded === 0 && spans.every((days) => days > 0 && days <= most);
  return {
    refused: codes.size > 0 && clamped,
    code: [...codes].join('/') || undefined,
    silent: codes.size === 0 && clamped,
    holds: clamped ? ['clamped_or_rejected', 'clamped'] : [],
    figures: { max_days: Math.max(0, ...spans) },
    note: `${unbounded} of ${asked.length} without a period, the longest ${Math.max(0, ...spans)} days; refused: ${[...codes].join() || 'none'}`,
  };
};

const residentMb = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1_024;

const bomb = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const { token } = await ground.as('professional');
  const pid = ground.journey.system.services.get('edge')?.pid ?? 0;
  const packed = gzipSync(Buffer.alloc(256 * 1024 * 1024), { level: 9 });
  const before = residentMb(pid);
  using talk = await ground.socket({ token });
  // As much as fits a frame; it unfolds to a thousand times its size.
  const small = gzipSync(Buffer.alloc(32 * 1024 * 1024), { level: 9 }).toString('base64');
  talk.send({ ...queryFrame('', { metadata: { compression: 'gzip' } }), payload: small });
  const framed = await talk.code();
  const closed = await Promise.race([talk.closed, sleep(1_000, undefined)]);
  using binary = await ground.socket();
  binary.send(packed);
  const close = await Promise.race([binary.closed, sleep(3_000, undefined)]);
  const body = await ground
    .http('POST', '/v1/query', {
      token,
      body: packed,
      headers: { 'content-encoding': 'gzip', 'content-length': String(packed.length) },
    })
    .catch(() => undefined);
  const grown = residentMb(pid) - before;
  return {
    refused: framed !== undefined && (body?.status ?? 413) >= 400,
    code: framed,
    close: closed ?? close,
    figures: { max_rss_growth_mb: Math.max(0, Math.round(grown)) },
    note: `frame: ${framed}; http: ${body?.code}; the edge grew by ${grown.toFixed(0)} MB`,
  };
};

const nested = (depth: number): string => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
const deep = async (_one: AttackCase, ground: Ground): Promise<Observed> =>
  both(
    await frames(ground, [
      JSON.stringify(queryFrame(question)).replace('"payload":{', `"payload":{"a":${nested(200)},`),
      '['.repeat(20_000),
      JSON.stringify(
        queryFrame(question, {
          payload: Object.fromEntries(Array.from({ length: 1_000 }, (_, key) => [`k${key}`, 1])),
        }),
      ),
    ]),
    await bodies(ground, [`{"query":"x","a":${nested(200)}}`, '['.repeat(20_000)]),
  );

/** What one does not see is refused, or taken out before anybody behind the door reads it. */
const unseen = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const marks = ['\u0000', '\u202E', '\u001b[2J', '\u0007', '\u200b'];
  let reached = 0;
  const codes = new Set<string>();
  for (const mark of marks) {
    const told = await ground.ask('professional', `quantas consultas ${mark} tenho hoje?`);
    if (told.code) codes.add(told.code);
    const [fact] = await ground.journey.stored('FACTS', `run.understood.*.${told.run}`);
    const understood = fact && ground.journey.opened(run.understood, fact).question;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    if (/[\u0000-\u001f\u200b\u202e]/.test(understood ?? '')) reached += 1;
  }
  return {
    refused: codes.size > 0 && reached === 0,
    code: [...codes].join('/') || undefined,
    holds: reached === 0 ? ['sanitised', 'normalised', 'stripped', 'ok_no_effect'] : [],
    note: `${reached} of ${marks.length} reached a service`,
  };
};

const brokenBytes = async (_one: AttackCase, ground: Ground): Promise<Observed> =>
  both(
    await frames(ground, ['{', 'null', '[]', '"x"', '12', Buffer.from([0xff, 0xfe, 0x00])]),
    await bodies(ground, ['{', 'null', '[]', '"x"', '12', '']),
  );

const long = async (_one: AttackCase, ground: Ground): Promise<Observed> =>
  both(
    await frames(ground, [
      queryFrame('a'.repeat(20_000)),
      queryFrame(question, { sessionId: 's'.repeat(5_000) }),
    ]),
    await bodies(ground, [{ query: 'a'.repeat(20_000) }, { query: question, clientId: 'c'.repeat(5_000) }]),
  );

export const input = area('input', [
  [/prototype|__proto__/i, pollution],
  [/extra field|unknown field|mass assignment/i, unknownFields],
  [/number|NaN|1e309/i, numbers],
  [/date|29 Feb|period/i, dates],
  [/gzip|bomb|compress/i, bomb],
  [/depth|nest|too many keys/i, deep],
  [/control|bidi|zero.width|unicode|null byte|homoglyph|\\u0000/i, unseen],
  [/malformed|invalid json|not json|utf-?8|binary|truncated/i, brokenBytes],
  [/too long|length|oversized|huge/i, long],
]);
