import type { Pack } from '../pack.ts';
import { models, providers, purchases, regions } from './facets.ts';
import { comparePrices, searchPrices } from './tools.ts';

const { on_demand: _, ...discounted } = purchases;

/** What can be asked of the prices, and which columns an answer may hold. None is about anybody. */
export const sources: Pack['sources'] = {
  prices: {
    table: 'cloud_prices',
    resource: 'prices',
    fields: {
      provider: { column: 'cloud_prices.provider', kind: 'plain' },
      model: { column: 'cloud_prices.model', kind: 'plain' },
      sku: { column: 'cloud_prices.sku', kind: 'plain' },
      region: { column: 'cloud_prices.region', kind: 'plain' },
      purchase: { column: 'cloud_prices.purchase', kind: 'plain' },
      price: { column: 'cloud_prices.price', kind: 'plain' },
      currency: { column: 'cloud_prices.currency', kind: 'plain' },
      unit: { column: 'cloud_prices.unit', kind: 'plain' },
      asOf: { column: 'cloud_prices.as_of', kind: 'plain' },
      source: { column: 'cloud_prices.source', kind: 'plain' },
    },
    list: ['model', 'provider', 'price', 'currency', 'unit', 'purchase', 'region', 'sku', 'asOf', 'source'],
    amount: 'cloud_prices.price',
    // The cheapest first: that is what a comparison is for.
    order: { column: 'cloud_prices.price', type: 'numeric' },
    states: {},
    facets: {
      model: { column: 'cloud_prices.model', values: models },
      provider: { column: 'cloud_prices.provider', values: providers },
      purchase: { column: 'cloud_prices.purchase', values: purchases },
      region: { column: 'cloud_prices.region', values: regions },
    },
    usually: [],
    // Prices add up to nothing.
    asks: ['list', 'count'],
    listed: true,
    tools: [searchPrices, comparePrices],
  },
  discounts: {
    table: 'cloud_discounts',
    resource: 'discounts',
    fields: {
      provider: { column: 'cloud_discounts.provider', kind: 'plain' },
      purchase: { column: 'cloud_discounts.purchase', kind: 'plain' },
      upTo: { column: 'cloud_discounts.up_to', kind: 'plain' },
      asOf: { column: 'cloud_discounts.as_of', kind: 'plain' },
      source: { column: 'cloud_discounts.source', kind: 'plain' },
    },
    list: ['provider', 'purchase', 'upTo', 'asOf', 'source'],
    order: { column: 'cloud_discounts.provider', type: 'text' },
    states: {},
    facets: {
      provider: { column: 'cloud_discounts.provider', values: providers },
      purchase: { column: 'cloud_discounts.purchase', values: discounted },
    },
    cites: 'articles',
    usually: [],
    asks: ['list', 'count'],
    listed: true,
  },
  articles: {
    table: 'cloud_articles',
    resource: 'articles',
    fields: {
      article: { column: 'cloud_articles.id', kind: 'plain' },
      title: { column: 'cloud_articles.title', kind: 'plain' },
      text: { column: 'cloud_articles.body', kind: 'plain' },
    },
    list: ['article', 'title', 'text'],
    language: 'cloud_articles.language',
    order: { column: 'cloud_articles.title', type: 'text' },
    states: {},
    facets: { provider: { column: 'cloud_articles.provider', values: providers } },
    knowledge: {
      title: 'cloud_articles.title',
      text: 'cloud_articles.body',
      category: { column: 'cloud_articles.provider', facet: 'provider', always: ['general'] },
    },
    usually: [{ column: 'cloud_articles.ai_searchable', value: 'true' }],
    asks: ['list', 'count'],
    listed: true,
  },
};
