import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { both } from '@jangada/nlu/learn.ts';
import type { Language } from '@jangada/nlu/text.ts';
import { labelledIn } from './examples.ts';

/** Texts of a pack's demo, in its folder: `knowledge/<language>.txt`. */

export interface Article {
  readonly id: string;
  readonly category: string;
  /** What else its first line says. */
  readonly marks: readonly string[];
  readonly language: Language;
  readonly title: string;
  readonly body: string;
}

const languages: readonly Language[] = ['pt-BR', 'en'];

const folderOf = (pack: string): string => join(import.meta.dirname, pack, 'knowledge');

/** Those of a file: `# <id> | <category> | <mark>…`, then the title on a line, then the text until the next. */
export const articlesIn = (pack: string): readonly Article[] =>
  languages.flatMap((language) => {
    const file = join(folderOf(pack), `${language}.txt`);
    if (!existsSync(file)) return [];
    return readFileSync(file, 'utf8')
      .split(/^# /m)
      .slice(1)
      .map((block) => {
        const [head = '', title = '', ...body] = block.trim().split('\n');
        const [id = '', category = '', ...marks] = head.split('|').map((part) => part.trim());
        return { id, category, marks, language, title, body: body.join('\n').trim() };
      });
  });

/** A question and the articles that answer it; none where nothing does. */
export interface Asked {
  readonly text: string;
  readonly wanted: readonly string[];
}

/** Questions that the search is measured by, `knowledge/questions.<language>.txt`: `[id]` or `[nothing]`, then one a line. */
export const questionsIn = (pack: string, language: Language): readonly Asked[] =>
  labelledIn(join(folderOf(pack), `questions.${language}.txt`)).map(({ text, label }) => ({
    text,
    wanted: label === 'nothing' ? [] : label.split(both),
  }));
