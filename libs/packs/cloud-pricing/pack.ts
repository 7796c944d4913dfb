import type { Pack } from '../pack.ts';
import { ownWork } from '../retention.ts';
import * as tables from './0001_tables.ts';
import * as knowledge from './0002_knowledge.ts';
import * as searchable from './0003_searchable.ts';
import { concepts } from './concepts.ts';
import { demo } from './demo.ts';
import { intents } from './intents.ts';
import { sources } from './sources.ts';
import { wording } from './wording.ts';

const minutes = (count: number): number => count * 60_000;
const everybody = ['admin', 'analyst', 'viewer'];

/** Who compares what providers of computing charge. None of its data are about people. */
export const pack: Pack = {
  name: 'cloud-pricing',
  version: '1.0.0',
  compliance: ['LGPD', 'ISO_27001'],
  purposes: { pricing: { roles: everybody, resources: ['prices', 'discounts', 'articles'] } },
  clientTools: ['show_table'],
  defaultPurpose: 'pricing',
  consent: { levels: [], needed: {} },
  roles: {
    admin: {
      reach: 'tenant',
      masked: [],
      permissions: [
        'read:prices',
        'write:prices',
        'delete:prices',
        'read:discounts',
        'write:discounts',
        'delete:discounts',
        'read:articles',
        'write:articles',
        'admin:users',
        'admin:system',
        'admin:security',
      ],
    },
    analyst: {
      reach: 'tenant',
      masked: [],
      permissions: [
        'read:prices',
        'write:prices',
        'read:discounts',
        'write:discounts',
        'read:articles',
        'write:articles',
      ],
    },
    viewer: { reach: 'tenant', masked: [], permissions: ['read:prices', 'read:articles'] },
  },
  intents,
  concepts,
  apart: ['aesthetic-clinic', 'care-home'],
  leads: [],
  states: [],
  sources,
  wording,
  retention: ownWork,
  limits: [
    { name: 'ai-user', class: 'ai', key: 'user', max: 30, windowMs: minutes(1) },
    // More than the thousand a minute that the whole is built for, so that one tenant may have all of them.
    { name: 'ai-tenant', class: 'ai', key: 'tenant', max: 1_500, windowMs: minutes(1) },
    { name: 'data-user', class: 'data', key: 'user', max: 50, windowMs: minutes(15) },
    { name: 'api-user', class: 'api', key: 'user', max: 100, windowMs: minutes(15) },
  ],
  demo,
  migrations: {
    'cloud-pricing/0001_tables': tables,
    'cloud-pricing/0002_knowledge': knowledge,
    'cloud-pricing/0003_searchable': searchable,
  },
};
