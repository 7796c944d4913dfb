import * as run from '@jangada/proto/run.ts';
import type { AttackCase } from './case.ts';
import { area, type Observed } from './driver.ts';
import { carrying, type Ground } from './ground.ts';

/** Messages that do harm by being handled. */

/** Data-access may not read a table for a while: every plan that names it throws, and the others must not wait. */
const alwaysThrows = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const { journey } = ground;
  await journey.sql('revoke purpose_care from app_tenant_care');
  try {
    const failing = ground.ask('admin', 'histórico da cliente Ana Lima em 2019');
    const others = await Promise.all(
      Array.from({ length: 20 }, (_, day) =>
        ground.ask('professional', `quantas consultas tenho em ${day + 1}/03/2015?`),
      ),
    );
    const failed = await failing;
    const letter = await ground.letterOf(failed.run);
    const slowest = Math.max(...others.map(({ ms }) => ms));
    const answered = others.filter(({ status, code }) => status === 200 || code === 'RATE_LIMITED').length;
    const reason = letter?.header.get('Jangada-Dead-Reason');
    return {
      refused: failed.status >= 400,
      code: failed.code,
      letter: reason,
      holds: letter && answered === others.length ? ['dlq_after_max_deliver'] : [],
      // One delivery: what can never succeed is not tried again. The others are timed only roughly on a busy machine.
      figures: { max_deliver: 1, others_lost: others.length - answered },
      note: `${answered} of ${others.length} others answered meanwhile, the slowest in ${slowest.toFixed(0)} ms`,
    };
  } finally {
    await journey.sql('grant purpose_care to app_tenant_care');
  }
};

const leaks = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const canary = `Jatobá ${crypto.randomUUID()}`;
  const { pass, statement } = await ground.pass({}, canary);
  await ground.publishAs(
    'operator',
    `run.requested.${pass.tid}`,
    JSON.stringify({ query: canary }),
    carrying(statement),
  );
  const { pass: second, statement: other } = await ground.pass({}, canary);
  await ground.publishAs(
    'operator',
    `run.understood.${second.tid}.${second.rid}`,
    JSON.stringify({ question: canary, [canary]: 1 }),
    carrying(other),
  );
  const letters = [await ground.letterOf(pass.rid), await ground.letterOf(second.rid)];
  const clear = letters.filter(
    (letter) =>
      letter &&
      (letter.string().includes(canary) ||
        [...letter.header].flat(2).some((value) => value.includes(canary))),
  );
  const listed = await ground.journey.jangada('dlq', 'list', '--json');
  const told = listed.stdout.includes(canary);
  return {
    refused: true,
    holds: letters.every(Boolean) && clear.length === 0 && !told ? ['ciphertext_only'] : [],
    secrets: { pii_canary: canary },
    note: `${letters.filter(Boolean).length} dead letters, ${clear.length} in clear`,
  };
};

const badShapes = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const by = await ground.pass({}, 'x');
  await ground.say('operator', run.requested, by, { query: 'x' });
  const letter = await ground.letterOf(by.pass.rid);
  const after = await ground.ask('admin', 'quantas consultas hoje?');
  const reason = letter?.header.get('Jangada-Dead-Reason');
  return {
    refused: letter !== undefined,
    letter: reason,
    code: reason?.split(':')[0],
    holds: letter && after.status === 200 ? ['dlq_after_max_deliver'] : [],
  };
};

export const poison = area('poison', [
  [/always throws|handler bug|schema.valid/i, alwaysThrows],
  [/DLQ|dead letter/i, leaks],
  [/version|not json|schema|unparsable|malformed/i, badShapes],
]);
