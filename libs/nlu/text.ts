export type Language = 'pt-BR' | 'en';

const invisible = /[\p{Cc}\p{Cf}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu;
// What composes has composed by then: a mark still loose on a Latin letter belongs to no Portuguese word.
const looseMarks = /(?<=\p{Script=Latin})\p{M}+/gu;
const spaces = /\s+/gu;
const foreign = /[^\0-\x7f]/g;
const word = /[\p{L}\p{N}]+/gu;

/**
 * The form every other function of this package expects: NFKC, without control, zero-width and bidirectional
 * characters, single spaces, trimmed. Accents stay.
 */
export const canonical = (text: string): string =>
  text
    .replace(spaces, ' ')
    .replace(invisible, '')
    .normalize('NFKC')
    .replace(looseMarks, '')
    .replace(spaces, ' ')
    .trim();

/** Lower case without accents, for matching. As long as the canonical text it is made from, so offsets agree. */
export const fold = (text: string): string =>
  text.replace(foreign, (unit) => unit.normalize('NFD').charAt(0)).toLowerCase();

/** The words of a text, folded, in order; punctuation and apostrophes part them. */
export const words = (text: string): string[] => fold(text).match(word) ?? [];

const setOf = (list: string): ReadonlySet<string> => new Set(list.trim().split(/\s+/));

/** Words, folded, that hold a question together in each language: they name no one and nothing. */
export const functionWords: Readonly<Record<Language, ReadonlySet<string>>> = {
  'pt-BR': setOf(`
    a o as os um uma uns umas de do da dos das em no na nos nas ao aos com sem por pelo pela pelos pelas para pra
    pro e ou mas que se quando onde como qual quais quem quanto quanta quantos quantas porque entre ate desde sobre
    durante eu tu ele ela nos eles elas voce voces me te lhe meu minha meus minhas seu sua seus suas este esta esse
    essa estes estas esses essas isto isso aquele aquela neste nesta nesse nessa deste desta desse dessa nao sim ja
    ainda mais menos muito so tambem foi foram era e sao sou esta estao estou ser estar tem tenho temos ha houve
    tinha vai vou vamos fez fazer pode posso quero queria preciso mostre mostrar mostra liste listar busque buscar
    veja ver diga quero favor ola oi bom boa todos todas todo toda cada proximo proxima proximos proximas ultimo
    ultima ultimos ultimas passado passada vem hoje amanha ontem anteontem depois antes agora atras daqui as
  `),
  en: setOf(`
    a an the of in on at to for from with without by and or but that if when where how which what who whom whose why
    between until since about during over under i you he she it we they me him her us them my your his its our their
    this these those is are was were be been am do does did has have had will would can could should may might shall
    not no yes there here some any all each every more less much many show list find get give tell see please hello
    hi want need let s next last today tomorrow yesterday ago now before after as
  `),
};

/** The language whose function words are the more; a tie, none on either side included, is the fallback's. */
export function language(text: string, fallback: Language): Language {
  let lead = 0;
  for (const each of words(text)) {
    if (functionWords['pt-BR'].has(each)) lead += 1;
    if (functionWords.en.has(each)) lead -= 1;
  }
  if (lead === 0) return fallback;
  return lead > 0 ? 'pt-BR' : 'en';
}
