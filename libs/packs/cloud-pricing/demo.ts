import type { Demo } from '../pack.ts';
import { articles } from './articles.ts';

/**
 * A consultancy that compares prices, and another that has none of them. The figures are made up, of the size that such
 * prices have, and each says that it is demo data.
 */

const asOf = '2026-11-02';

/** Dollars for one accelerator and hour, by way to buy. */
type Offer = readonly [
  provider: string,
  model: string,
  sku: string,
  region: string,
  prices: Readonly<Record<string, number>>,
];
const offers: readonly Offer[] = [
  [
    'AWS',
    'A100',
    'p4d.24xlarge',
    'us-east-1',
    { on_demand: 4.1, spot: 1.64, reserved_1y: 2.58, reserved_3y: 1.81 },
  ],
  ['AWS', 'A100', 'p4d.24xlarge', 'sa-east-1', { on_demand: 6.2 }],
  ['AWS', 'H100', 'p5.48xlarge', 'us-east-1', { on_demand: 6.88, spot: 2.79, reserved_1y: 5.05 }],
  ['AWS', 'A10G', 'g5.xlarge', 'us-east-1', { on_demand: 1.01, spot: 0.42 }],
  ['AWS', 'T4', 'g4dn.xlarge', 'us-east-1', { on_demand: 0.53, spot: 0.16, reserved_1y: 0.33 }],
  ['AWS', 'T4', 'g4dn.xlarge', 'sa-east-1', { on_demand: 0.89 }],
  [
    'Azure',
    'A100',
    'NC24ads_A100_v4',
    'eastus',
    { on_demand: 3.67, spot: 1.47, reserved_1y: 2.35, reserved_3y: 1.65 },
  ],
  ['Azure', 'H100', 'ND96isr_H100_v5', 'eastus', { on_demand: 7.1, spot: 3.55 }],
  ['Azure', 'T4', 'NC4as_T4_v3', 'eastus', { on_demand: 0.53, spot: 0.11 }],
  ['Azure', 'T4', 'NC4as_T4_v3', 'brazilsouth', { on_demand: 0.84 }],
  [
    'GCP',
    'A100',
    'a2-highgpu-1g',
    'us-central1',
    { on_demand: 3.68, spot: 1.21, reserved_1y: 2.32, reserved_3y: 1.29 },
  ],
  ['GCP', 'H100', 'a3-highgpu-8g', 'us-central1', { on_demand: 6.98, spot: 2.25 }],
  ['GCP', 'L4', 'g2-standard-4', 'us-central1', { on_demand: 0.71, spot: 0.28 }],
  ['GCP', 'T4', 'n1-standard-4', 'us-central1', { on_demand: 0.55, spot: 0.16 }],
  ['GCP', 'T4', 'n1-standard-4', 'southamerica-east1', { on_demand: 0.78 }],
];
const discounts: readonly (readonly [provider: string, purchase: string, upTo: string])[] = [
  ['AWS', 'spot', '90%'],
  ['AWS', 'reserved_3y', '72%'],
  ['Azure', 'spot', '90%'],
  ['Azure', 'reserved_3y', '72%'],
  ['GCP', 'spot', '80%'],
  ['GCP', 'reserved_3y', '70%'],
];

const rows = (tenant: string, surcharge: number): Demo['rows'] => ({
  cloud_prices: offers.flatMap(([provider, model, sku, region, prices]) =>
    Object.entries(prices).map(([purchase, price]) => ({
      tenant_id: tenant,
      id: `${provider}/${sku}/${region}/${purchase}`,
      provider,
      model,
      sku,
      region,
      purchase,
      price: (price * surcharge).toFixed(4),
      currency: 'USD',
      unit: 'gpu_hour',
      as_of: asOf,
      source: 'demo',
    })),
  ),
  cloud_discounts: discounts.map(([provider, purchase, upTo]) => ({
    tenant_id: tenant,
    id: `${provider}/${purchase}`,
    provider,
    purchase,
    up_to: upTo,
    as_of: asOf,
    source: 'demo',
  })),
  cloud_articles: articles.map((article) => ({ tenant_id: tenant, ...article })),
});

export const demo = (): readonly Demo[] => {
  const tenant = (id: string, name: string, surcharge: number, accounts: Demo['accounts']): Demo => ({
    tenant: { id, name, time_zone: 'America/Sao_Paulo', locale: 'pt-BR', currency: 'USD' },
    accounts,
    rows: rows(id, surcharge),
  });
  return [
    tenant('nuvem-atlas', 'Nuvem Atlas', 1, [
      { alias: 'analyst', role: 'analyst' },
      { alias: 'viewer', role: 'viewer' },
    ]),
    tenant('nuvem-boreal', 'Nuvem Boreal', 1.25, [{ alias: 'foreign-analyst', role: 'analyst' }]),
  ];
};
