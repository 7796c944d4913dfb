import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as run from '@jangada/proto/run.ts';
import { until } from '@jangada/testkit/until.ts';
import { root } from '../topology.ts';
import type { AttackCase } from './case.ts';
import { area, NotBuilt, type Observed } from './driver.ts';
import { type Ground, queryFrame, type Told } from './ground.ts';
import { bodies, both, frames } from './input.ts';

/** Asking for what one may not, by every way that is not the front door. */

const answer = (told: Told, own: Partial<Observed> = {}): Observed => ({
  refused: told.status >= 400,
  code: told.code,
  told: [told.text],
  ms: told.ms,
  ...(told.status >= 400 ? { rows: 0 } : {}),
  ...own,
});

/** Ends a care relationship and asks again at once, with everything that could be remembered warm. */
export const revokedRelation = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const { journey } = ground;
  const question = 'histórico da cliente Carla Dias';
  const relation = `tenant_id = 'clinica-aurora' and provider_id = 'pro-1' and subject_id = 'cli-3'`;
  const warm = [await ground.ask('professional', question), await ground.ask('professional', question)];
  const [was] = await journey.sql<{ valid_from: string; valid_to: string | null }>(
    `select valid_from::text, valid_to::text from care_relationships where ${relation}`,
  );
  try {
    await journey.sql(
      `update care_relationships set valid_to = now() - interval '1 second' where ${relation}`,
    );
    const told = await ground.ask('professional', question);
    return answer(told, {
      figures: { max_ms_stale: told.status === 200 ? Number.POSITIVE_INFINITY : 0 },
      note: `before: ${warm.map(({ status, content }) => `${status}${content ? '' : ' empty'}`).join(', ')}`,
    });
  } finally {
    await journey.sql(`update care_relationships set valid_to = $1::timestamptz where ${relation}`, [
      was?.valid_to ?? null,
    ]);
  }
};

/** Without naming anybody, a question is about whoever the asker may ask about, and about nobody else. */
const withoutContext = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const refused = await ground.ask('client', 'histórico de tratamentos');
  const own = await ground.ask('client', 'lista de consultas este mês');
  const names = /Bruno Rocha|Carla Dias|Diego Melo|Elisa Prado|Heitor Alves/;
  const leaked = names.test(own.content) || names.test(refused.content);
  return answer(refused, { refused: refused.status >= 400 && !leaked, told: [refused.text, own.text] });
};

const raisedRole = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const question = 'lista de clientes';
  return both(
    await frames(
      ground,
      [
        queryFrame(question, { metadata: { userId: 'clinica-aurora-admin' } }),
        queryFrame(question, { metadata: { role: 'admin' } }),
        queryFrame(question, { role: 'admin' }),
        queryFrame(question, { payload: { role: 'admin', permissions: ['admin:system'] } }),
      ],
      'client',
    ),
    await bodies(
      ground,
      [
        { query: question, role: 'admin' },
        { query: question, userId: 'clinica-aurora-admin' },
      ],
      'client',
    ),
  );
};

/** A plan as a compromised intent would send it: the label of one thing, and another's columns or tables. */
const throughJoin = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const intent = {
    type: 'appointment_query',
    confidence: 0.9,
    entities: [],
    requiredPermissions: ['read:appointments'],
    dataSources: ['appointments'],
  };
  const plan = { source: 'appointments', ask: 'list', joins: [], filter: {}, fields: ['start'], limit: 50 };
  const forged = [
    [
      { rol: 'client', per: 'cli-1' },
      { ...plan, joins: ['aesthetic_records'] },
    ],
    [
      { rol: 'client', per: 'cli-1' },
      { ...plan, source: 'aesthetic_records', fields: ['description'] },
    ],
    [
      { rol: 'aesthetic_professional', per: 'pro-1' },
      { ...plan, fields: ['start', 'amount'] },
    ],
  ] as const;
  const codes: string[] = [];
  const question = 'minhas consultas';
  for (const [who, wanted] of forged) {
    const by = await ground.pass(who, question);
    await ground.say('intent', run.understood, by, { question, locale: 'pt-BR', intent, plan: wanted });
    const [end] = await ground.journey.endsOf(by.pass.rid);
    codes.push(end && 'code' in end ? end.code : String(end?.type));
  }
  return {
    refused: codes.every((code) => code !== 'answered'),
    code: [...new Set(codes)].join('/'),
    note: `by a join: ${codes[0]}, by another source: ${codes[1]}, by a column: ${codes[2]}`,
  };
};

const otherPeople = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const told = [
    await ground.ask('professional', 'histórico da cliente Elisa Prado'),
    await ground.ask('professional', 'histórico', { clientId: 'cli-5' }),
    await ground.ask('professional', 'contato da cliente Heitor Alves'),
  ];
  const codes = new Set(told.map(({ code }) => code));
  return {
    refused: told.every(({ status }) => status >= 400),
    code: [...codes].join('/'),
    rows: 0,
    told: told.map(({ text }) => text),
  };
};

const clientOverClient = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const told = [
    await ground.ask('client', 'consultas de Bruno Rocha'),
    await ground.ask('client', 'consultas', { clientId: 'cli-2' }),
  ];
  const codes = new Set(told.map(({ code }) => code));
  return {
    refused: told.every(({ status }) => status >= 400),
    code: [...codes].join('/'),
    rows: 0,
    told: told.map(({ text }) => text),
  };
};

/** A figure about so few that it is about one. Statistics are of the whole clinic, also of whom one may not read. */
const smallGroup = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const own = { purpose: 'statistics' };
  const told = [
    await ground.ask('professional', 'quantas consultas de Elisa Prado este mês?', own),
    await ground.ask('professional', 'quantas clientes chamadas Elisa Prado fizeram peeling químico?', own),
    await ground.ask('professional', 'quantas consultas este mês?', { ...own, clientId: 'cli-5' }),
  ];
  const whole = await ground.ask('professional', 'quantas consultas este mês?', own);
  const suppressed = told.every(({ code }) => code === 'AGG_SUPPRESSED') && whole.status === 200;
  return {
    refused: suppressed,
    code: [...new Set(told.map(({ code }) => code))].join('/'),
    holds: suppressed ? ['suppressed'] : [],
    told: told.map(({ text }) => text),
    note: `the whole clinic: ${whole.content.slice(0, 40)}`,
  };
};

const purpose = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const told = [
    await ground.ask('professional', 'histórico da cliente Ana Lima', { purpose: 'marketing' }),
    await ground.ask('professional', 'histórico da cliente Ana Lima', { purpose: 'billing' }),
  ];
  return answer(told[0] as Told, {
    code: told[0]?.code === 'PURPOSE_NOT_ALLOWED' ? 'AUTHZ_DENIED' : told[0]?.code,
    note: told.map(({ code }) => code).join(),
  });
};

const consent = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const told = await ground.ask('professional', 'histórico da cliente Diego Melo', { purpose: 'research' });
  return answer(told);
};

const breakGlass = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const { token } = await ground.as('professional');
  const told = await ground.http('POST', '/v1/break-glass', {
    token,
    body: { subjectId: 'cli-5', reason: '' },
  });
  if (told.status === 404) throw new NotBuilt('there is no break-glass to be opened');
  const seen = await ground.ask('professional', 'histórico da cliente Elisa Prado');
  return {
    ...answer(told),
    refused: told.status >= 400 && seen.status >= 400,
    code: told.code,
    told: [told.text, seen.text],
  };
};

/** Starts a service with a bundle of rules that was changed after it was signed. */
const policyTampered = async (): Promise<Observed> => {
  throw new NotBuilt('rules are code of the build, not a bundle that is read from a file');
};

const engineDown = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const permission = ground.journey.system.services.get('permission');
  const before = await ground.journey.readsOfPeople();
  await permission?.suspend();
  const startedAt = performance.now();
  try {
    const { token } = await ground.as('admin');
    const told = await Promise.race([
      ground.http('POST', '/v1/query', { token, body: { query: 'quantas consultas ontem?' } }),
      sleep(3_000, undefined),
    ]);
    const reads = (await ground.journey.readsOfPeople()) - before;
    // The broker keeps the question until the service is back, or until the run's deadline ends it.
    return {
      refused: true,
      code: told?.code ?? 'DEADLINE',
      rows: reads,
      holds: reads === 0 && told?.status !== 200 ? ['fail_closed'] : [],
      ms: told ? performance.now() - startedAt : 3_000,
      note: told
        ? `${told.status} ${told.code}`
        : 'waits: the run is kept until the service is back or its deadline has passed',
    };
  } finally {
    permission?.resume();
    await until('permission', async () =>
      (await ground.journey.system.statuses()).some(({ name, ready }) => name === 'permission' && ready),
    );
  }
};

/** A service that is to start with something wrong; it must say why and end. */
export const boot = (
  name: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<{ code: number; output: string }> =>
  new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [join(root, 'services', name, 'main.ts')],
      { env: env as NodeJS.ProcessEnv, timeout: 15_000 },
      (_error, stdout, stderr) => resolve({ code: child.exitCode ?? -1, output: `${stdout}${stderr}` }),
    );
  });

export const authz = area('authz', [
  [/relation ended|revoke relation|cached as valid|stale (?:relation|permission)/i, revokedRelation],
  [/omitted|without clientId|fail.open|missing fact/i, withoutContext],
  [/mass assignment|role or scope|overrid|raise/i, raisedRole],
  [/billing.*join|join|label|cheap intent|intent_?spoof/i, throughJoin],
  [/aggregate|count of one|small group|k.anonym/i, smallGroup],
  [/break.?glass/i, breakGlass],
  [/purpose/i, purpose],
  [/consent/i, consent],
  [/policy (?:bundle|file)|tampered on disk/i, policyTampered],
  [/engine down|permission service|fail closed/i, engineDown],
  [/no relation|without (?:a )?(?:care )?relation|other professional|not in (?:the )?care/i, otherPeople],
  [/client.*(?:other|another) client|own.data|IDOR|horizontal/i, clientOverClient],
  [/unknown role|no role/i, withoutContext],
]);
