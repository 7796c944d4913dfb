import {
  aboutSomething,
  orders,
  power,
  reported,
  role,
  secrets,
  setAside,
  tell,
  whole,
} from './attack-words.ts';
import { isSpelledOut, readings } from './disguise.ts';
import { words } from './text.ts';

/**
 * Does a question try to command whoever reads it? A signal and a quick refusal, never the gate: what a question may
 * reach is decided by plan and grant, whatever it says. Two languages, one form for both: what is done to whom within
 * a few words.
 */

export const levels = ['LOW', 'STANDARD', 'MAXIMUM'] as const;
export type Level = (typeof levels)[number];

export const violations = [
  /** Sets aside the instructions of the one who reads. */
  'instruction_override',
  /** Asks for what only the system knows: prompts, keys, tools. */
  'disclosure',
  /** Makes the reader somebody who may do more. */
  'role_change',
  /** Asks for everything, past the filters. */
  'scope_escape',
  /** Is code for another machine: SQL, chat markup, script. */
  'code',
] as const;
export type Violation = (typeof violations)[number];

export interface Judgement {
  /** 0 to 1: how surely the text is an attack. */
  readonly score: number;
  /** What speaks most for it; undefined where nothing does. */
  readonly violation: Violation | undefined;
}

/** From which score on a question is refused. */
export const refusedFrom: Readonly<Record<Level, number>> = {
  /** Only what can hardly be anything else. */
  LOW: 0.9,
  STANDARD: 0.7,
  /** Also what is merely suspicious. */
  MAXIMUM: 0.4,
};

interface Sign {
  /** Looked for among the words, or in the text with its punctuation. */
  readonly within: 'words' | 'text';
  readonly violation: Violation;
  readonly pattern: RegExp;
  readonly weight: number;
}

/** Words, at most so many. A bound keeps the search linear. */
const upTo = (count: number): string => `(?: \\S+){0,${count}}?`;

const sign = (violation: Violation, weight: number, source: string): Sign => ({
  within: violation === 'code' ? 'text' : 'words',
  violation,
  weight,
  pattern: new RegExp(`(?<![a-z])(?:${source})`),
});

const signs: readonly Sign[] = [
  sign(
    'instruction_override',
    0.9,
    `${setAside}${upTo(2)} ${whole}${upTo(5)} ${orders}(?![a-z])${aboutSomething}`,
  ),
  sign('instruction_override', 0.75, `${setAside}${upTo(1)} ${orders}(?![a-z])${aboutSomething}`),
  sign('instruction_override', 0.45, `${setAside}${upTo(4)} ${orders}(?![a-z])`),
  sign(
    'instruction_override',
    0.8,
    `(?:everything|anything|all|tudo)(?: that| o)?(?: que)? (?:you (?:were|have been|ve been) (?:told|given|taught)|(?:te|lhe) (?:disseram|ensinaram|falaram)|(?:foi|voce) (?:dito|aprendeu))`,
  ),
  sign(
    'instruction_override',
    0.75,
    `${setAside}${upTo(2)} (?:everything|anything|all|whatever|what|tudo|o que)(?: that)? (?:above|before|you (?:were|have been|ve been|know)|acima|antes|(?:te|lhe) \\w+ram|que (?:te|lhe|voce|foi)|foi dito|voce (?:aprendeu|sabe))`,
  ),
  sign(
    'instruction_override',
    0.75,
    `(?:your|sua) (?:new|nova|real|next) (?:task|instructions?|role|goal|tarefa|instrucao|funcao|missao)|new (?:important )?instructions?|novas? instruc\\w+|nova tarefa|new objective|novo objetivo`,
  ),
  sign('disclosure', 0.8, `${tell}${upTo(6)} ${secrets}`),
  sign('disclosure', 0.3, secrets),
  sign('role_change', 0.8, `${role}${upTo(6)} ${power}(?![a-z])`),
  sign(
    'role_change',
    0.8,
    `(?:developer|debug|god|dan|test|emergency|audit|jailbreak|uncensored|unrestricted|unfiltered|maintenance|admin) mode|modo (?:\\S+ )?(?:desenvolvedor|irrestrito|deus|dan|admin\\w*|debug|teste|auditoria|emergencia|sem censura|sem filtros?|jailbreak|manutencao)|do anything now`,
  ),
  sign(
    'role_change',
    0.35,
    `(?:you are now|from now on you|a partir de agora voce|voce agora e|pretend to be|finja ser|act as|aja como)(?![a-z])`,
  ),
  sign(
    'scope_escape',
    0.75,
    `(?:without|sem|ignor\\w+|bypass\\w*|remov\\w+|disable|desativ\\w+)${upTo(3)} (?:\\w+_id filter|filter on|\\w+ filter|filtro (?:de|por|do|da) \\w+|tenant|rls|row level security|where clause|filtro\\b)`,
  ),
  sign(
    'scope_escape',
    0.75,
    `${tell}${upTo(4)} (?:(?:whole|entire|full|complete) (?:\\w+ )?database|(?:all|every|todos os|todas as) \\w+ (?:passwords|cpfs?)|everyone|the database|base (?:completa|inteira|toda)|banco (?:de dados )?(?:completo|inteiro)|todos o?s? ?cpfs?|all (?:the )?(?:cpfs?|ssns?|passwords)|every \\S+ (?:s )?cpf|(?:todas )?as senhas|other (?:users?|tenants?|people) ?s?\\b|outr[oa]s (?:usuari\\w+|inquilin\\w+|empresas))`,
  ),
  sign(
    'scope_escape',
    0.75,
    `(?:telefones?|e ?-?mails?|cpfs?|phones?|emails?|phone numbers?|addresses|enderecos)(?: (?:e|and|ou|or) \\S+)? (?:de|of) (?:todos|todas|all|every)`,
  ),
  sign(
    'scope_escape',
    0.75,
    `without (?:writing|logging|recording|leaving)|sem (?:registrar|gravar|deixar (?:rastro|registro)|mascarar|anonimizar|checar|verificar|consentimento)|without (?:checking|masking|consent|anonymi[sz]ing|permission)|unmasked|even without consent|ignorando a lgpd|como se eu fosse|as if i were`,
  ),
  // Harmless here, where every value is a parameter; and a person's name may look like it.
  sign(
    'code',
    0.6,
    `(?:s?elect (?:\\*|\\w+(?: ?, ?\\w+){0,9}) from \\w|drop table|union (?:all )?select|insert into|delete from|update \\w+ set|or 1 ?= ?1|pg_sleep|information_schema|['";)] ?--)`,
  ),
  sign(
    'code',
    0.85,
    `(?:<\\|?\\/?(?:im_start|im_end|system|context|instructions?|user|assistant|endoftext|sys)\\|?>|<<\\/?sys>>|\\[\\/?(?:inst|system|sistema|admin)\\]|<script|javascript:|onerror ?=|!\\[[^\\]]*\\]\\(https?:)`,
  ),
  sign('code', 0.5, `(?:^|[.!?\\n]| )(?:system|sistema|assistant|developer|admin) ?:|###+ ?\\w`),
  sign('code', 0.45, `(?:base64|rot ?13)(?![a-z])`),
  sign(
    'disclosure',
    0.75,
    `${tell}${upTo(12)} (?:to|para|pointing to|apontando para|inside|dentro de) (?:https?|an external|(?:um|o) e ?mail externo|a markdown image|uma imagem markdown|the following (?:url|address))`,
  ),
];

/** A sign that had to be uncovered was covered for a reason. */
const hiddenWeight = 0.95;
const spelledWeight = 0.8;

/** Judges a text as it came, before anything is made of it. */
export const judge = (text: string): Judgement => {
  const { plain, hidden } = readings(text);
  const open = weigh(plain);
  const covered = hidden
    .map(weigh)
    .find((found) => found.score >= refusedFrom.MAXIMUM && found.score > open.score);
  if (!covered && isSpelledOut(plain))
    return { score: Math.max(open.score, spelledWeight), violation: open.violation ?? 'code' };
  if (!covered) return open;
  return { score: Math.max(open.score, hiddenWeight), violation: covered.violation };
};

/** score = 1 − Π(1 − weight) over the signs found, as of intents; each kind counts once, by its strongest sign. */
const weigh = (text: string): Judgement => {
  const strongest = new Map<Violation, number>();
  const phrase = words(text).join(' ');
  for (const { within, violation, weight, pattern } of signs) {
    if ((strongest.get(violation) ?? 0) >= weight) continue;
    const sought = within === 'words' ? phrase : text;
    const found = pattern.exec(sought);
    if (!found) continue;
    // What somebody else asked for is told, not commanded.
    const told = violation === 'instruction_override' && reported.test(sought.slice(0, found.index));
    strongest.set(violation, Math.max(strongest.get(violation) ?? 0, told ? weight / 3 : weight));
  }
  let doubt = 1;
  let worst: [Violation | undefined, number] = [undefined, 0];
  for (const [violation, weight] of strongest) {
    doubt *= 1 - weight;
    if (weight > worst[1]) worst = [violation, weight];
  }
  return { score: 1 - doubt, violation: worst[0] };
};
