import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { rootOf } from '@jangada/merkle/tree.ts';
import { openLog } from '@jangada/telemetry/log.ts';
import { until } from '@jangada/testkit/until.ts';
import { signerFrom } from '@jangada/trust/keyset.ts';
import { beginning, chainAfter } from '@jangada/verifier/chain.ts';
import { claimsOf, keysOf, signCheckpoint } from '@jangada/verifier/checkpoint.ts';
import { type EntryLine, type Line, lineOf } from '@jangada/verifier/dump.ts';
import { leafOfEntry } from '@jangada/verifier/entry.ts';
import type { Report } from '@jangada/verifier/report.ts';
import { keyOf as ownKeyOf, trailOf } from '@jangada/verifier/test-trail.ts';
import { verify } from '@jangada/verifier/verify.ts';
import pg from 'pg';
import { checkpointLog } from '../local.ts';
import { dumpOf } from '../trail.ts';
import type { AttackCase } from './case.ts';
import { area, type Observed } from './driver.ts';
import { type Ground, queryFrame } from './ground.ts';

/** The audit trail, by who administers its database, holds its key, or writes into it. */

const keptDays = 730;
const linesOf = async (ground: Ground): Promise<string[]> =>
  Array.fromAsync(dumpOf(ground.journey.system.local.databaseUrl));
const appended = ({ journey }: Ground): string[] =>
  readFileSync(checkpointLog(journey.home), 'utf8').split('\n').filter(Boolean);
const keyOf = ({ journey }: Ground) => keysOf(journey.system.keys.setOf('checkpoint'));

/** What somebody sees who was given a dump and kept the checkpoints. */
const judged = (ground: Ground, dump: readonly string[], checkpoints = appended(ground)): Promise<Report> =>
  verify({ dump, checkpoints, keyOf: keyOf(ground), keptDays });

/** Asks something, and waits until it is in a checkpoint. */
const written = async (ground: Ground): Promise<string[]> => {
  await ground.ask('admin', 'quantas consultas este mês?');
  return until('a trail that is sealed', async () => {
    const checkpoints = appended(ground);
    const dump = await linesOf(ground);
    return (await judged(ground, dump, checkpoints)).unsealed === 0 ? dump : undefined;
  });
};

/** Other faults than facts without an entry: some attack has left those. */
const faultsOf = ({ findings }: Report) => findings.filter(({ fault }) => fault !== 'gap');
const textOf = (report: Report): string =>
  faultsOf(report)
    .map(({ says }) => says)
    .join(', ') || 'nothing was found';

/** A row is changed where the trigger is out of the way, and is as it was afterwards. */
const edited = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const before = faultsOf(await judged(ground, await written(ground))).length;
  const { sql } = ground.journey;
  const refused = await sql(`update audit_entries set actor = 'nobody'`).then(
    () => false,
    () => true,
  );
  const past = (text: string) => asSuperuser(ground, text);
  const [row] = await sql<{ shard: number; number: number; actor: string }>(
    'select shard, number::float8 as number, actor from audit_entries where number is not null order by at desc limit 1',
  );
  const place = `shard = ${row?.shard} and number = ${row?.number}`;
  await past(`update audit_entries set actor = 'nobody' where ${place}`);
  const report = await judged(ground, await linesOf(ground));
  await past(`update audit_entries set actor = ${pg.escapeLiteral(row?.actor ?? '')} where ${place}`);
  const [found] = faultsOf(report);
  const located = found?.shard === row?.shard && found?.number === row?.number;
  return {
    refused,
    holds: before === 0 && faultsOf(report).length === 1 ? ['verifier_fails'] : [],
    figures: { bad_batches: report.badBatches, located: located ? 'shard/seq' : 'elsewhere' },
    note: textOf(report),
  };
};

const asSuperuser = async ({ journey }: Ground, text: string): Promise<void> => {
  const client = new pg.Client({ connectionString: journey.system.local.databaseUrl });
  await client.connect();
  try {
    await client.query(`set session_replication_role = replica; ${text}`);
  } finally {
    await client.end();
  }
};

/** All hashes are made again after an edit, and checkpoints with a key of one's own; the witness has the earlier ones. */
const rebuilt = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const dump = await written(ground);
  const again = rechained(dump, (entry) => ({ ...entry, actor: 'nobody' }));
  const report = await judged(ground, again);
  const stranger = { kid: 'first', key: generateKeyPairSync('ed25519').privateKey };
  const own = appended(ground).map((line) => signCheckpoint(stranger, claimsOf(line)));
  const byOwn = await judged(ground, again, own);
  const seen = report.findings.some(({ fault }) => fault === 'fork');
  const unsigned = byOwn.findings.some(({ fault }) => fault === 'signature');
  return {
    refused: seen && unsigned,
    holds: seen && unsigned ? ['verifier_fails'] : [],
    note: textOf(report).slice(0, 200),
  };
};

/** A dump with other entries, and all hashes made so that they fit. */
const rechained = (
  dump: readonly string[],
  change: (entry: EntryLine['entry']) => EntryLine['entry'],
): string[] => {
  const chains = new Map<number, Buffer>();
  const lines = dump.map((text): Line | undefined => lineOf(text));
  return lines.map((line, at) => {
    if (line && 'entry' in line) return JSON.stringify({ entry: change(line.entry) });
    if (!line || !('batch' in line)) return dump[at] ?? '';
    const { shard, first } = line.batch;
    const next = lines.findIndex((other, place) => place > at && other && !('entry' in other));
    const own = lines.slice(at + 1, next < 0 ? undefined : next);
    const leaves = own.flatMap((other) => {
      if (!other || !('entry' in other) || other.entry.number === null) return [];
      const { shard: _shard, number: _number, ...stated } = change(other.entry);
      return [leafOfEntry(stated)];
    });
    const root = rootOf(leaves);
    const chain = chainAfter(chains.get(shard) ?? beginning(shard), {
      shard,
      first,
      count: leaves.length,
      root,
    });
    chains.set(shard, chain);
    const [all, base, end] = [Buffer.concat(leaves), root, chain].map((bytes) => bytes.toString('base64'));
    return JSON.stringify({ batch: { shard, first, leaves: all, root: base, chain: end } });
  });
};

/** Two instances at once: the second waits for the first, and cannot take an end that was taken. */
const twice = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const { journey } = ground;
  await using other = await replicaOf(ground);
  const runs = await Promise.all(
    Array.from({ length: 20 }, () =>
      ground.ask('admin', 'quantas consultas este mês?').then(({ run }) => run),
    ),
  );
  for (const run of runs) if (run) await journey.auditOf(run);
  const fenced = await isFenced(ground);
  const report = await judged(ground, await written(ground));
  const [row] = await journey.sql<{ dupes: number }>(
    `select count(*)::int as dupes from (select from audit_entries group by tenant_id, subject_id, fact having count(*) > 1) twice`,
  );
  const forks = faultsOf(report).length;
  return {
    refused: fenced,
    holds: fenced ? ['one_fenced'] : [],
    figures: { forks, dupes: row?.dupes ?? -1 },
    note: `${other.name} beside the first; ${textOf(report)}`,
  };
};

const replicaOf = async ({ journey }: Ground) => {
  const replica = await journey.system.replica('audit', {
    AUDIT_CHECKPOINT_LOG: `${checkpointLog(journey.home)}.other`,
  });
  return { name: replica.name, [Symbol.asyncDispose]: () => replica.stop() };
};

/** While one holds a head, another that has the same rights is told to wait. */
const isFenced = async (ground: Ground): Promise<boolean> => {
  const [first, second] = [await ground.database('audit'), await ground.database('audit')];
  try {
    await first.query('begin; select from audit_heads where shard = 0 for update');
    const refusal = await second.query('select from audit_heads where shard = 0 for update nowait').then(
      () => undefined,
      (error: pg.DatabaseError) => error.code,
    );
    return refusal === '55P03';
  } finally {
    await Promise.all([first.end(), second.end()]);
  }
};

/** A hundred facts were said, and audit was given all but the 57th; hashes and checkpoints fit what it was given. */
const dropped = async (): Promise<Observed> => {
  const given = trailOf(100, { skip: 56 });
  const { findings } = await verify({ ...given, keyOf: ownKeyOf, keptDays });
  const missing = findings.filter(({ fault }) => fault === 'gap').map(({ number }) => number);
  const told = missing.length === 1 && findings.length === 1;
  return {
    refused: told,
    silent: true,
    holds: told ? ['gap_reported'] : [],
    figures: { missing: JSON.stringify(missing) },
    note: findings.map(({ says }) => says).join(', '),
  };
};

/** The key is stolen, and an old checkpoint signed again with another content. */
const equivocated = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const dump = await written(ground);
  const signer = signerFrom(() => ground.journey.system.keys.setOf('checkpoint'))();
  const checkpoints = appended(ground);
  const old = claimsOf(checkpoints[0] ?? '');
  const heads = old.heads.map((head) => ({ ...head, chain: old.links }));
  const report = await judged(ground, dump, [...checkpoints, signCheckpoint(signer, { ...old, heads })]);
  const seen = report.findings.some(({ fault }) => fault === 'equivocation');
  return { refused: seen, holds: seen ? ['equivocation_reported'] : [], note: textOf(report).slice(0, 200) };
};

/** What somebody wrote is one line of a log, whatever they wrote. */
const injected = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const text = 'x\n{"level":50,"msg":"audit ok"}\u001b[2J';
  const { token } = await ground.as('admin');
  using talk = await ground.socket({ token });
  talk.send(queryFrame(`consultas de ${text}`, { name: text } as never));
  await talk.code(4_000);
  const lines: string[] = [];
  openLog('audit', 'INFO', { write: (line: string) => lines.push(line) }).info({ operation: text }, text);
  const added = lines.join('').trimEnd().split('\n').length;
  const logs = ground.logs();
  const forged = logs.split('\n').some((line) => /^\s*\{"level":50,"msg":"audit ok"\}/.test(line));
  const escaped = !forged && !logs.includes('\u001b[2J') && !lines.join('').includes('\u001b');
  return { refused: escaped, holds: escaped ? ['escaped'] : [], figures: { lines_added: added } };
};

/** Who does not administer asks for the trail in every way there is. */
const read = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const { token } = await ground.as('professional');
  const told = await ground.http('GET', '/v1/admin/audit', { token });
  return { refused: told.status === 403, code: told.code, told: [told.text], note: `HTTP ${told.status}` };
};

export const trail = area('audit', [
  [/inject|newline|ANSI/i, injected],
  [/rebuild|recompute|whole chain/i, rebuilt],
  [/two writers|split brain|fork/i, twice],
  [/dropped|skip counter|missing event/i, dropped],
  [/re-?signed|equivocat|key stolen/i, equivocated],
  [/without permission|reader|reads the (?:audit|trail)/i, read],
  [/edit|delete|insert|reorder|truncat|alter/i, edited],
]);
