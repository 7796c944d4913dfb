import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Contract, hop, sink } from '@jangada/hop/hop.ts';
import { policy } from '@jangada/hop/policy.ts';
import { messages } from '@jangada/proto/catalogue.ts';
import { type Message, message } from '@jangada/proto/message.ts';
import * as run from '@jangada/proto/run.ts';
import { followed } from '@jangada/proto/saga.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { questionOf, settingsOf } from './generate/services.ts';
import { check, collect, saidBy, TopologyError } from './topology.ts';

const contracts = await collect();
const pondered = message({
  name: 'run.pondered',
  kind: 'fact',
  says: 'Somebody thought about it.',
  body: z.object({}),
});
const catalogue: readonly Message[] = [...messages, pondered];

const replaced = (name: string, change: (contract: Contract) => Contract): readonly Contract[] =>
  contracts.map((contract) => (contract.name === name ? change(contract) : contract));

const hopsOn = (name: string, on: Message, emits: readonly Message[]) =>
  hop({ name, on, emits, policy: policy() });
const auditing = (among: readonly Contract[], also: Message) =>
  among.map((contract) =>
    contract.name === 'audit' && contract.kind === 'sink'
      ? sink({ ...contract, on: [...contract.on, also] })
      : contract,
  );

const faultsOf = (planted: readonly Contract[], known: readonly Message[] = messages): string => {
  try {
    check(planted, known);
    return '';
  } catch (error) {
    expect(error).toBeInstanceOf(TopologyError);
    return (error as TopologyError).message;
  }
};

describe('the contracts of the services', () => {
  test('fit together', () => {
    expect(faultsOf(contracts)).toBe('');
  });

  test('stand in the order of a run, those beside it at the end', () => {
    expect(contracts.map(({ name }) => name)).toEqual([
      'edge',
      'access',
      'feedback',
      'intent',
      'permission',
      'data-access',
      'scheduling',
      'tools',
      'response-generation',
      'conversation',
      'detection',
      'privacy',
      'retention',
      'saga',
      'audit',
      'projection',
    ]);
  });

  test.each(contracts.map(({ name }) => name))('%s opens with the question that it answers', (name) => {
    expect(questionOf(name)).toMatch(/^[a-z].+\?$/);
  });

  test('give the key of bodies to every hop, to the border, and to a sink that says that it opens them', () => {
    for (const contract of contracts) {
      const opens = contract.kind !== 'sink' || contract.opens;
      expect([contract.name, settingsOf(contract.name).includes('MESSAGE_KEYS')]).toEqual([
        contract.name,
        opens,
      ]);
    }
  });

  test('let every hop say how a run ends early, and no other service', () => {
    for (const contract of contracts) {
      expect([contract.name, saidBy(contract).includes(run.cancelled)]).toEqual([
        contract.name,
        contract.kind === 'hop',
      ]);
    }
  });
});

describe('a fault is found:', () => {
  test('a message that nobody carries on, though audit hears it', () => {
    const planted = replaced('intent', (intent) =>
      hop({ ...(intent as typeof intent & { kind: 'hop' }), emits: [...intent.emits, pondered] }),
    );
    const faults = faultsOf(auditing(planted, pondered), catalogue);
    expect(faults).toContain('nobody carries a run on after run.pondered');
    expect(faults).not.toContain('audit does not hear');
  });

  test('a message that is heard and never said', () => {
    const planted = auditing([...contracts, hopsOn('sage', pondered, [run.answered])], pondered);
    expect(faultsOf(planted, catalogue)).toContain('nobody says run.pondered');
  });

  test('a message that is in no catalogue, so that audit could not know of it', () => {
    expect(faultsOf([...contracts, hopsOn('sage', run.understood, [pondered])])).toContain(
      'sage names run.pondered, which is not in proto/catalogue.ts',
    );
  });

  test('a fact that audit does not hear', () => {
    const planted = replaced('audit', (audit) =>
      audit.kind === 'sink'
        ? sink({ ...audit, on: audit.on.filter((heard) => heard !== run.refused) })
        : audit,
    );
    expect(faultsOf(planted)).toContain('audit does not hear run.refused');
  });

  test('services that hear each other in a circle', () => {
    const planted = auditing(
      [
        ...replaced('permission', (permission) =>
          permission.kind === 'hop'
            ? hop({ ...permission, on: pondered, emits: [run.permitted] })
            : permission,
        ),
        hopsOn('sage', run.permitted, [pondered]),
      ],
      pondered,
    );
    expect(faultsOf(planted, catalogue)).toMatch(
      /in a circle: (permission → sage → permission|sage → permission → sage)/,
    );
  });

  test('a service that hears what it says, unless it goes on from events of its own', () => {
    const echoing = (on: Message, emits: readonly Message[]) =>
      sink({ name: 'echo', on: [on], emits, policy: policy(), reads: [], writes: {} });
    const planted = auditing([...contracts, echoing(pondered, [pondered])], pondered);
    expect(faultsOf(planted, catalogue)).toContain('in a circle: echo → echo');
    expect(faultsOf([...contracts, echoing(followed, [followed])])).toBe('');
  });

  test('two services of one name', () => {
    expect(faultsOf([...contracts, hopsOn('intent', run.understood, [run.refused])])).toContain(
      'two services are called intent',
    );
  });

  test('two services that wait for the same request', () => {
    expect(faultsOf([...contracts, hopsOn('sage', run.requested, [run.understood])])).toContain(
      'run.requested waits in a work queue, so only one may hear it, not intent and sage',
    );
  });

  test('a request that enters past the border', () => {
    expect(faultsOf([...contracts, hopsOn('sage', run.fetched, [run.requested])])).toContain(
      'run.requested enters by a border service only',
    );
  });

  test('several at once are all named', () => {
    const faults = faultsOf([...contracts, hopsOn('intent', run.understood, [pondered])]);
    expect(faults).toContain('two services are called intent');
    expect(faults).toContain('intent names run.pondered');
  });
});

describe('a folder of services', () => {
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'jangada-services-'));
    mkdirSync(join(dir, 'sage'));
    mkdirSync(join(dir, 'not-a-service'));
    writeFileSync(
      join(dir, 'sage', 'contract.ts'),
      "export const contract = { kind: 'border', name: 'saga', emits: [], follows: [], reads: [] };\n",
    );
  });
  afterAll(() => rmSync(dir, { recursive: true }));

  test('whose name is not the one declared is refused', async () => {
    await expect(collect(dir)).rejects.toThrow('services/sage declares itself as saga');
  });

  test('is part of the topology without being listed anywhere', async () => {
    rmSync(join(dir, 'sage'), { recursive: true });
    mkdirSync(join(dir, 'mute'));
    writeFileSync(
      join(dir, 'mute', 'contract.ts'),
      "export const contract = { kind: 'border', name: 'mute', emits: [], follows: [], reads: [] };\n",
    );
    // A service that says nothing leaves everything unsaid: that it was read shows in the complaint.
    await expect(collect(dir)).rejects.toThrow('nobody says run.requested');
  });
});
