import type { Cue, IntentPattern } from '../pack.ts';

/** One weight for many phrases. Phrases are folded: lower case, no accents. */
const cues = (weight: number, phrases: string): Cue[] =>
  phrases.split(',').map((words) => ({ words: words.trim(), weight }));

/**
 * Questions about prices and ways to buy, in Portuguese and English. A word for money is enough; the name of a model or provider needs
 * another beside it.
 */
export const intents: readonly IntentPattern[] = [
  {
    name: 'price_query',
    cues: [
      ...cues(
        0.78,
        'preco*, price*, pricing, custo*, custa*, custam, cost, costs, valor*, tarifa*, cotacao, cotacoes, compar*, cheap*, barat*, caro, cara, caros, caras, expensive',
      ),
      ...cues(0.5, 'a100*, h100*, h200*, a10g, a10, l4*, t4*, v100*, aws, azure, gcp, google cloud, amazon'),
      ...cues(
        0.4,
        'gpu*, instancia*, instance*, por hora, per hour, an hour, hourly, spot, sob demanda, on demand, reservad*, reserved, quanto, how much',
      ),
    ],
    entities: ['model', 'provider', 'region', 'purchase'],
    requiredPermissions: ['read:prices'],
    dataSources: ['prices'],
    defaultAsk: 'list',
    ttlSeconds: 300,
  },
  {
    name: 'discount_query',
    cues: [
      ...cues(0.85, 'desconto*, discount*, saving, savings, economia*, economiz*, poupar, poupo, save'),
      ...cues(
        0.4,
        'spot, preemptible, preemptiveis, preemptivel, reservad*, reserved, savings plan*, aws, azure, gcp, google cloud, amazon',
      ),
    ],
    entities: ['provider', 'purchase'],
    requiredPermissions: ['read:discounts'],
    dataSources: ['discounts', 'articles'],
    defaultAsk: 'list',
    ttlSeconds: 3_600,
  },
  {
    name: 'advice_query',
    cues: cues(0.8, 'artigo*, article*, conselho*, advice, dica*, tips'),
    entities: ['provider'],
    requiredPermissions: ['read:articles'],
    dataSources: ['articles'],
    defaultAsk: 'list',
    ttlSeconds: 3_600,
  },
];
