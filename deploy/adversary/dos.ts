import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AttackCase } from './case.ts';
import { area, type Observed } from './driver.ts';
import { type Ground, queryFrame, type Talk, type Told } from './ground.ts';

/** Being kept busy: by size, by number, by slowness. */

const residentMb = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1_024;
const edgePid = ({ journey }: Ground): number => journey.system.services.get('edge')?.pid ?? 0;

/** Who has signed in is told, and keeps the socket; a stranger loses it. */
const oversized = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const { token } = await ground.as('professional');
  using talk = await ground.socket({ token });
  talk.send(JSON.stringify(queryFrame('x'.repeat(65_537))));
  const code = await talk.code();
  using stranger = await ground.socket();
  stranger.send(JSON.stringify({ op: 'auth', token: 'x'.repeat(65_537) }));
  const close = await Promise.race([stranger.closed, sleep(2_000, undefined)]);
  const body = await ground
    .http('POST', '/v1/query', { token, body: { query: 'x'.repeat(600_000) } })
    .catch(() => undefined);
  return { refused: code !== undefined && (body?.status ?? 413) === 413, code, close };
};

const fragments = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const { token } = await ground.as('professional');
  using talk = await ground.socket({ token });
  const startedAt = performance.now();
  talk.socket.send('{', { fin: false });
  const drip = setInterval(() => talk.socket.send(' ', { fin: false }, () => undefined), 1_000);
  const close = await Promise.race([talk.closed, sleep(20_000, undefined)]);
  clearInterval(drip);
  return { refused: close !== undefined, close, ms: performance.now() - startedAt };
};

const manyFragments = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const { token } = await ground.as('professional');
  using talk = await ground.socket({ token });
  talk.socket.send('{', { fin: false });
  for (let count = 0; count < 5_000; count++) talk.socket.send(' ', { fin: false }, () => undefined);
  const startedAt = performance.now();
  const close = await Promise.race([talk.closed, sleep(12_000, undefined)]);
  return { refused: close !== undefined, close, ms: performance.now() - startedAt };
};

/** Signed in, and then nothing: not even an answer to a ping. A share of the number named, each from its own address. */
const silent = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const { token } = await ground.as('professional');
  const before = residentMb(edgePid(ground));
  const startedAt = performance.now();
  const talks: Talk[] = [];
  for (let count = 0; count < 200; count++)
    talks.push(await ground.socket({ token, options: { autoPong: false } }));
  const admitted = talks.filter(({ refusal }) => refusal === undefined);
  const grown = residentMb(edgePid(ground)) - before;
  const all = Promise.all(admitted.map(({ closed }) => closed));
  const closes = await Promise.race([all, sleep(75_000, undefined)]);
  for (const talk of talks) talk[Symbol.dispose]();
  return {
    refused: closes !== undefined,
    close: closes?.[0],
    holds: closes ? ['close'] : [],
    ms: performance.now() - startedAt,
    figures: { heap_growth_mb_max: Math.max(0, Math.round(grown)) },
    note: `${admitted.length} sockets, the edge grew by ${grown.toFixed(0)} MB`,
  };
};

/** Asks for one run again and again, and reads nothing of it. */
const slowReader = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const professional = await ground.as('admin');
  const run = crypto.randomUUID();
  for await (const _placed of professional.run('lista de consultas este ano', run)) {
    // Only its end matters: from then on it can be asked for again.
  }
  const pid = edgePid(ground);
  const before = residentMb(pid);
  let close: number | undefined;
  let grown = 0;
  let asked = 0;
  // How much the kernel takes before the edge has to keep anything differs; whoever reads too late is not even told.
  for (const answers of [1_400, 2_100, 3_000]) {
    using talk = await ground.socket({ token: professional.token, protocols: ['agui.v1'] });
    talk.socket.pause();
    for (asked = 0; asked < answers; asked++) {
      talk.socket.send(JSON.stringify({ op: 'resume', runId: run, after: 0 }), () => undefined);
      // Long enough for one telling: the next would take its place.
      await sleep(4);
    }
    grown = Math.max(grown, residentMb(pid) - before);
    talk.socket.resume();
    close = await Promise.race([talk.closed, sleep(1_500, undefined)]);
    if (close !== undefined) break;
  }
  return {
    refused: close !== undefined,
    close,
    holds: close === undefined ? [] : ['close'],
    note: `${asked} answers asked for; the edge grew by ${grown.toFixed(0)} MB`,
  };
};

/** A system for tests has limits that nobody meets; for as long as `work` takes, some are as low as in life. */
const limited = async <T>(
  { journey }: Ground,
  policies: Readonly<Record<string, number>>,
  tenant: string | undefined,
  work: () => Promise<T>,
): Promise<T> => {
  const whose = tenant ? ['--tenant', tenant] : [];
  const run = async (...args: string[]): Promise<void> => {
    const { code, stderr } = await journey.jangada('limits', ...args, ...whose);
    if (code !== 0) throw new Error(`jangada limits ${args.join(' ')}: ${stderr}`);
  };
  for (const [name, max] of Object.entries(policies)) await run('set', name, '--max', String(max));
  try {
    return await work();
  } finally {
    for (const name of Object.keys(policies)) await run('reset', name);
  }
};

const sessions = (_one: AttackCase, ground: Ground): Promise<Observed> =>
  limited(ground, { 'sessions-ip': 10 }, undefined, async () => {
    const { token } = await ground.as('professional2');
    const address = ground.address();
    const talks: Talk[] = [];
    for (let count = 0; count < 11; count++) talks.push(await ground.socket({ token, address }));
    const last = talks.at(-1);
    const close = last?.refusal?.status ?? (await Promise.race([last?.closed, sleep(1_000, undefined)]));
    const code = last?.refusal?.code ?? (await last?.code(500));
    const admitted = talks.filter(({ socket }) => socket.readyState === socket.OPEN).length;
    for (const talk of talks) talk[Symbol.dispose]();
    return {
      refused: code !== undefined && admitted === 10,
      code,
      close,
      note: `${admitted} of 11 were let in`,
    };
  });

/** The other tenant's professional asks until they are told to wait: for questions, and for readings of people. */
const quota = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const askUntilRefused = async (most: number): Promise<Told[]> => {
    const told: Told[] = [];
    while (told.length < most && told.at(-1)?.status !== 429)
      told.push(await ground.ask('foreign', 'quantas consultas tenho este mês?'));
    return told;
  };
  const questions = await limited(ground, { 'ai-user': 20 }, 'clinica-brisa', () => askUntilRefused(25));
  const readings = await limited(ground, { 'data-user': 3 }, 'clinica-brisa', () => askUntilRefused(8));
  const ends = [questions.at(-1), readings.at(-1)];
  return {
    refused: ends.every((end) => end?.status === 429),
    code: [...new Set(ends.map((end) => end?.code))].join('/'),
    headers: Object.keys(questions.at(-1)?.headers ?? {}),
    told: ends.map((end) => end?.text ?? ''),
    note: `the ${questions.length}th question in a minute, and the ${readings.length}th reading where three are allowed`,
  };
};

const crossSite = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const { token } = await ground.as('professional');
  const headers = { origin: 'https://evil.example', cookie: `token=${token}` };
  using talk = await ground.socket({ headers });
  using signedIn = await ground.socket({ headers, token });
  const overHttp = await ground.http('POST', '/v1/query', { token, headers, body: { query: 'oi' } });
  const codes = new Set([talk.refusal?.code, signedIn.refusal?.code, overHttp.code]);
  const close = talk.refusal?.status ?? (await Promise.race([talk.closed, sleep(1_000, undefined)]));
  return {
    refused: talk.refusal !== undefined && signedIn.refusal !== undefined && overHttp.status === 403,
    code: [...codes].join('/'),
    close,
    told: [overHttp.text],
  };
};

const slowHeaders = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const { connect } = await import('node:net');
  const edge = new URL(ground.journey.system.local.edgeUrl);
  const startedAt = performance.now();
  const closed = new Promise<number>((resolve) => {
    const socket = connect(Number(edge.port), edge.hostname, () => {
      socket.write('POST /v1/query HTTP/1.1\r\nHost: x\r\n');
      const drip = setInterval(() => socket.write('X-A: b\r\n'), 1_000);
      socket.once('close', () => {
        clearInterval(drip);
        resolve(408);
      });
      socket.on('error', () => undefined);
      socket.resume();
    });
  });
  const close = await Promise.race([closed, sleep(25_000, undefined)]);
  return {
    refused: close !== undefined,
    close,
    holds: close ? ['close'] : [],
    ms: performance.now() - startedAt,
  };
};

/** One tenant asks as fast as it can; the other must not wait for it. */
const noisy = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  let over = false;
  const { token } = await ground.as('admin');
  const flood = Promise.all(
    Array.from({ length: 48 }, async () => {
      while (!over)
        await ground
          .http('POST', '/v1/query', { token, body: { query: 'quantas consultas este mês?' } })
          .catch(() => undefined);
    }),
  );
  const others = [];
  for (let count = 0; count < 8; count++)
    others.push(await ground.ask('foreign', `quantas consultas tenho em ${count + 1}/02/2016?`));
  over = true;
  await flood;
  const slowest = Math.max(...others.map(({ ms }) => ms));
  const fine = others.every(({ status }) => status === 200);
  return {
    refused: fine,
    holds: fine ? ['bounded', 'ok', 'isolated'] : [],
    ms: slowest,
    note: `the other tenant: ${others.length} answered, the slowest in ${slowest.toFixed(0)} ms`,
  };
};

/** What permission and data-access together may have in hand or waiting (libs/hop/policy.ts), and their probes. */
const inHand = 2 * (64 + 192) + 50;
/** Half a minute at 200 a second. What is tried again does not grow with it: it is what was in hand, and a probe a second. */
const stormRuns = 30 * 200;

/** PostgreSQL goes away under load: runs wait in the broker, and nobody hammers. */
const retryStorm = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const { journey } = ground;
  const attempts = async (): Promise<number> =>
    (await journey.counted('permission', 'hop_messages_total')) +
    (await journey.counted('data-access', 'hop_messages_total'));
  const { postgres } = journey.system.servers;
  // The door knows who asks and their tenant.
  await ground.ask('admin', 'quantas consultas hoje?');
  const before = await attempts();
  await postgres?.kill();
  const runs = Array.from({ length: 200 }, (_, day) =>
    ground.ask('admin', `quantas consultas em ${(day % 28) + 1}/0${1 + Math.floor(day / 28)}/2011?`),
  );
  await sleep(4_000);
  const restarted = performance.now();
  await postgres?.restart();
  const told = await Promise.all(runs);
  const recovery = (performance.now() - restarted) / 1_000;
  await journey.system.ready();
  const answered = told.filter(({ status }) => status === 200).length;
  // Each run is handled once by either service; what is more was tried again.
  const again = (await attempts()) - before - told.length * 2;
  return {
    refused: true,
    holds: answered === told.length && again <= inHand ? ['bounded'] : [],
    figures: { retry_amplification_max: 1 + again / (stormRuns * 2), recovery_s_max: recovery },
    note: `${answered} of ${told.length} answered, ${again} handlings again, over ${recovery.toFixed(1)} s after its return`,
  };
};

export const dos = area('dos', [
  [/oversized|65,?537|too large|large frame/i, oversized],
  [/too many fragments|thousands of fragments|many fragments/i, manyFragments, { waits: true }],
  [/fragment/i, fragments, { waits: true }],
  [/silent|never answering|idle/i, silent, { waits: true, long: true }],
  [/slow reader|stops reading|back.?pressure/i, slowReader, { long: true }],
  [/sessions per IP|11th|per address/i, sessions],
  [/quota|20\/min|50\/15/i, quota],
  [/cross.site|origin|CSWSH/i, crossSite],
  [/slowloris|slow (?:header|client|body)/i, slowHeaders, { waits: true }],
  [/noisy|flood|tenant/i, noisy, { long: true }],
  [/retry storm|outage/i, retryStorm, { long: true }],
]);
