import type { Facet } from '../pack.ts';

/** How providers, models, regions and ways to buy are said. */
export const providers = {
  AWS: ['aws', 'amazon', 'ec2'],
  Azure: ['azure', 'microsoft'],
  GCP: ['gcp', 'google', 'google cloud'],
} as const satisfies Facet['values'];
export const models = {
  A100: ['a100', 'a100s'],
  H100: ['h100', 'h100s'],
  H200: ['h200', 'h200s'],
  A10G: ['a10g', 'a10'],
  L4: ['l4', 'l4s'],
  T4: ['t4', 't4s'],
  V100: ['v100', 'v100s'],
} as const satisfies Facet['values'];
export const regions = {
  'us-east-1': ['us east 1', 'virginia'],
  eastus: ['eastus', 'east us', 'virginia'],
  'us-central1': ['us central1', 'iowa'],
  'sa-east-1': ['sa east 1', 'sao paulo', 'brasil', 'brazil'],
  brazilsouth: ['brazilsouth', 'brazil south', 'sao paulo', 'brasil', 'brazil'],
  'southamerica-east1': ['southamerica east1', 'sao paulo', 'brasil', 'brazil'],
} as const satisfies Facet['values'];
const spot = ['spot', 'preemptible', 'preemptiveis', 'preemptivel', 'interruptible', 'interrompivel'];
const reserved = [
  'reserved',
  'reservad*',
  'reserva',
  'reservas',
  'savings plan*',
  'committed',
  'compromisso',
];
export const purchases = {
  on_demand: ['on demand', 'sob demanda', 'avulso', 'pay as you go'],
  spot,
  reserved_1y: [...reserved, '1 ano', 'um ano', '1 year', 'one year'],
  reserved_3y: [...reserved, '3 anos', 'tres anos', '3 years', 'three years'],
} as const satisfies Facet['values'];
