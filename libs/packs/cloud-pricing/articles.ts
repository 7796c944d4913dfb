import { articlesIn } from '../articles.ts';

/** What the demo knows of ways to buy. The figures are those that providers name in public. */
export const articles = articlesIn('cloud-pricing').map(({ id, category, language, title, body }) => ({
  ...{ id, language, title, body },
  provider: category,
}));
