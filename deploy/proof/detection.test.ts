import { expect, test } from 'vitest';
import { idOf } from '../../services/detection/watch.ts';
import { replayed } from '../cli/alerts.ts';
import { raisedBy, scoreOf } from './detected.ts';
import { type Done, monthOf } from './insiders.ts';

// A month that the rules were not tuned with.
const month = monthOf(11, { accounts: 60, each: 4 });
const tenant = 'casa';

test('who reads as nobody should is named, and hardly anybody else', () => {
  const { recall, precision, perAccount } = scoreOf(month);
  expect(recall).toBeGreaterThanOrEqual(0.95);
  expect(precision).toBeGreaterThanOrEqual(0.8);
  expect(perAccount).toBeLessThanOrEqual(1);
});

/** As audit keeps it. */
const entryOf = (done: Done) => {
  const { sequence, at, actor, session } = done;
  const shared = { sequence, at: new Date(at), actor, session, role: 'nurse', code: null };
  switch (done.kind) {
    case 'read': {
      const { people: seen, named, next } = done;
      return { ...shared, fact: 'run.fetched', details: { people: { seen, named, next } } };
    }
    case 'refused': {
      const details = done.isAttack ? { attack: 'injection' } : {};
      return { ...shared, fact: 'run.refused', code: done.code, details };
    }
    case 'emergency':
      return { ...shared, fact: 'access.changed', details: { action: 'break_glass' } };
  }
};

test('the trail raises the same alerts when it is replayed', async () => {
  const zone = 'America/Sao_Paulo';
  const again = await Array.fromAsync(replayed(tenant, zone, month.facts.map(entryOf)));
  const before = raisedBy(month.facts);
  expect(before.length).toBeGreaterThan(month.misdeeds.length);
  expect(again.map(({ id }) => id)).toEqual(before.map((alert) => idOf(tenant, alert.actor, alert)));
});
