import { articlesIn } from '../articles.ts';

/** What the demo homes tell anybody, and some of it those alone who have signed in. Made up. */
export const articles = articlesIn('care-home').map(({ id, category, marks, language, title, body }) => ({
  ...{ id, language, title, body },
  topic: category,
  audience: marks[0] ?? 'public',
}));
