import { mentions } from '@jangada/nlu/phrases.ts';
import { words } from '@jangada/nlu/text.ts';
import type { Source } from '@jangada/packs/pack.ts';
import { hasShare } from '@jangada/packs/rules.ts';
import type { Ask } from '@jangada/proto/plan.ts';

/** Words that say what is wanted of the data, in both languages, folded. They belong to no domain. */
const phrases = {
  share: [
    ...['taxa', 'taxas', 'percentual', 'porcentagem', 'proporcao', 'utilizacao', 'ocupacao', 'lotacao'],
    ...['quanto da', 'quanto do', 'how much of'],
    ...['rate', 'rates', 'percentage', 'percent', 'proportion', 'share', 'ratio'],
    ...['utilisation', 'utilization', 'occupancy', 'how full', 'how busy'],
  ],
  perDay: ['por dia', 'cada dia', 'per day', 'by day', 'each day', 'a day', 'daily', 'diari*'],
  total: ['total', 'quanto', 'how much', 'soma', 'sum', 'somatorio', 'amount'],
  count: ['quantas', 'quantos', 'how many', 'number of', 'numero de', 'quantidade', 'count', 'total'],
  list: ['lista', 'liste', 'listar', 'list', 'show', 'mostre', 'mostrar', 'quais', 'which', 'what are'],
} satisfies Record<Ask, string[]>;

const own = ['my', 'mine', 'i', 'meu', 'meus', 'minha', 'minhas', 'eu', 'tenho', 'devo'];

/** Verbs and fillers of a question that are nobody's name. */
const fillers =
  'give me tell show list find get please can you could want need see look up what which who when where is are was were did have has had there me diga mostre liste quais qual quem quando onde foi foram teve tem ver gostaria quero preciso por favor buscar busque todos todas all any new next first last novo nova billed all';

/** What is asked of a source, and of which state; what it cannot give is not heard. */
export const askOf = (text: string, source: Source, fallback: Ask, state: string | undefined): Ask => {
  const order: Ask[] = ['perDay', 'count', 'total', 'list'];
  // "how much" and "total" are sums where there is something to sum, and counts elsewhere.
  if (source.asks.includes('total') && !mentions(text, ['quantas', 'quantos', 'how many']))
    order.splice(1, 2, 'total', 'count');
  if (hasShare(source, state)) order.unshift('share');
  return order.find((ask) => source.asks.includes(ask) && mentions(text, phrases[ask])) ?? fallback;
};

const interrogatives = [
  ...['quem', 'qual', 'quais', 'quando', 'onde', 'quanto', 'quantos', 'quantas', 'como', 'por que', 'porque'],
  ...['who', 'whose', 'which', 'what', 'when', 'where', 'why', 'how'],
];

/** True of a text that asks for something, and so says nothing of what was asked for before it. */
export const isAsking = (text: string): boolean => mentions(text, interrogatives);

/** True when the question is about the asker's own: "consultas que tenho". */
export const isMine = (text: string): boolean => mentions(text, own);

export const vocabulary: readonly string[] = [...Object.values(phrases).flat(), ...own, fillers].flatMap(
  (phrase) => words(phrase),
);
