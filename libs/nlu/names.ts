import { fold, functionWords, type Language } from './text.ts';

/** Words that introduce a person and say what the person is: `de` and `cliente` a client, `com` and `dra` a provider. */
export interface Lead {
  readonly role: string;
  /** Folded, single words; `'s` introduces the name before it. */
  readonly words: readonly string[];
}

export interface Name {
  readonly role: string;
  /** The name without title. */
  readonly text: string;
  /** Offsets of `text` in the text given. */
  readonly start: number;
  readonly end: number;
}

export interface Wanted {
  readonly language: Language;
  /** What other finders have read already; no name touches it. */
  readonly spent: readonly { readonly start: number; readonly end: number }[];
  readonly leads: readonly Lead[];
  /** Folded words that are part of no name: the vocabulary of the domain. */
  readonly stop?: ReadonlySet<string>;
}

interface Token {
  readonly start: number;
  readonly end: number;
  readonly raw: string;
  readonly folded: string;
  /** False for what cannot be in a name: punctuation, numbers, words spent, function words and stop words. */
  readonly nameable: boolean;
  readonly capital: boolean;
  /** True when one space parts it from the token before. */
  readonly spaced: boolean;
}

const token =
  /['’][sS](?![\p{L}\p{N}])|\p{Lu}\.(?= )|[\p{L}\p{N}]+(?:['’-](?![sS](?![\p{L}\p{N}]))[\p{L}\p{N}]+)*|[^\s]/gu;
const letter = /^\p{L}/u;
const capital = /^(?:\p{Lu}|[dl]['’]\p{Lu})/u;

const titles: ReadonlySet<string> = new Set(
  'dr dra doctor doutor doutora sr sra srta mr mrs ms miss prof profa'.split(' '),
);
/** What may stand between a lead and the name. */
const articles: ReadonlySet<string> = new Set('a o as os the meu minha seu sua my our your'.split(' '));
const particles: ReadonlySet<string> = new Set('da das de del der di do dos du la le van von y'.split(' '));
/** Words in a name at most; without capitals to hold them together, fewer. */
const longest = 6;
const longestUncased = 4;

const isFunctionWord = (word: string) => functionWords['pt-BR'].has(word) || functionWords.en.has(word);

function tokens(text: string, { spent, stop }: Wanted): Token[] {
  const folded = fold(text);
  const taken = [...spent].sort((one, other) => one.start - other.start);
  const found: Token[] = [];
  let next = 0;
  for (const match of text.matchAll(token)) {
    const [raw] = match;
    const start = match.index;
    const end = start + raw.length;
    while (next < taken.length && (taken[next]?.end ?? 0) <= start) next += 1;
    const free = (taken[next]?.start ?? Number.POSITIVE_INFINITY) >= end;
    const word = folded.slice(start, end).replace('’', "'");
    found.push({
      start,
      end,
      raw,
      folded: word,
      nameable: free && letter.test(raw) && !isFunctionWord(word) && !stop?.has(word) && !titles.has(word),
      capital: capital.test(raw),
      spaced: found.at(-1)?.end === start - 1,
    });
  }
  return found;
}

const rolesOf = (leads: readonly Lead[]): ReadonlyMap<string, string> =>
  new Map(leads.flatMap(({ role, words }) => words.map((word) => [word, role] as const)));

/** Goes from a name's first token over those that continue it; answers the index after the last. */
function endOfName(list: readonly Token[], first: number, roles: ReadonlyMap<string, string>): number {
  const cased = list[first]?.capital === true;
  const continues = (at: number): boolean => {
    const each = list[at];
    return each?.nameable === true && each.spaced && !roles.has(each.folded) && (each.capital || !cased);
  };
  let end = first + 1;
  while (end < first + longest) {
    if (continues(end)) end += 1;
    else if (cased && particles.has(list[end]?.folded ?? '') && continues(end + 1)) end += 2;
    else break;
  }
  return end;
}

/** The same from a name's last token backwards; answers the index of the first. */
function startOfName(list: readonly Token[], last: number, roles: ReadonlyMap<string, string>): number {
  const cased = list[last]?.capital === true;
  const precedes = (at: number): boolean => {
    const each = list[at];
    return each?.nameable === true && !roles.has(each.folded) && each.capital === cased;
  };
  let start = last;
  while (start > last - longest && list[start]?.spaced) {
    if (precedes(start - 1)) start -= 1;
    else if (cased && particles.has(list[start - 1]?.folded ?? '') && precedes(start - 2)) start -= 2;
    else break;
  }
  return start;
}

/** What somebody is who is named without a lead: "quantas consultas Bruno Rocha tem". */
const unled = 'subject';

/** A capital and then small letters, as in a name and not as in an abbreviation. */
const looksLikeName = (list: readonly Token[], at: number): boolean =>
  list[at]?.nameable === true && /^\p{Lu}[\p{Ll}’'-]{2,}/u.test(list[at]?.raw ?? '');

/**
 * The people a canonical text names, each introduced by a lead; of several leads in a row the one nearest the name
 * gives the role. Without any, the first capitalised name there is is the subject. After a lead that is a noun or a title ("cliente ana lima"), and after a preposition
 * ("consultas de ana"), a name needs no capitals; it then ends where function words, stop words or spent text begin.
 */
export function findNames(text: string, wanted: Wanted): Name[] {
  const list = tokens(text, wanted);
  const roles = rolesOf(wanted.leads);
  const names: Name[] = [];
  let read = 0;

  const take = (role: string, first: number, end: number): boolean => {
    const [opening, closing] = [list[first], list[end - 1]];
    if (!opening?.nameable || !closing || first < read) return false;
    if (!opening.capital && (end - first > longestUncased || opening.raw.length < 2)) return false;
    names.push({
      role,
      text: text.slice(opening.start, closing.end),
      start: opening.start,
      end: closing.end,
    });
    read = end;
    return true;
  };

  for (let at = 0; at < list.length; at += 1) {
    let role = roles.get(list[at]?.folded ?? '');
    if (role === undefined || at < read) continue;
    if (/^['’]s$/.test(list[at]?.folded ?? '')) {
      take(role, startOfName(list, at - 1, roles), at);
      continue;
    }
    let first = at + 1;
    for (let each = list[first]; each !== undefined; each = list[first]) {
      const nearer = roles.get(each.folded);
      const isDot = each.raw === '.' && titles.has(list[first - 1]?.folded ?? '');
      if (nearer === undefined && !isDot && !titles.has(each.folded) && !articles.has(each.folded)) break;
      role = nearer ?? role;
      first += 1;
    }
    let end = endOfName(list, first, roles);
    while (take(role, first, end) && /^(?:e|and)$/.test(list[end]?.folded ?? '') && list[end + 1]?.capital) {
      first = end + 1;
      end = endOfName(list, first, roles);
    }
    at = Math.max(at, first - 1);
  }
  if (!names.some(({ role }) => role === unled)) {
    for (let at = read; at < list.length; at += 1) {
      const end = looksLikeName(list, at) ? endOfName(list, at, roles) : at;
      // One word at the beginning has its capital from the sentence.
      if ((at > 0 || end - at > 1) && end > at && take(unled, at, end)) break;
    }
  }
  return names;
}
