import { words } from '@jangada/nlu/text.ts';

/**
 * Whether a text says that something was carried out. A model carries nothing out: a question or a row may have told it
 * to, and whoever reads that it was done believes it. What a row says of itself, as that it was cancelled, may be told.
 */

const anyOf = (list: string): string => list.trim().split(/\s+/).join('|');

/** Past participles of what would change something or take it elsewhere, folded. */
const participles = {
  en: anyOf(`
    deleted erased removed wiped dropped purged cancell?ed changed updated edited modified replaced created added inserted
    booked scheduled rescheduled moved sent emailed forwarded shared exported uploaded posted published copied transferred
    granted approved authori[sz]ed unlocked promoted elevated enabled disabled deactivated activated bypassed overridden reset
    opened closed registered recorded logged saved stored paid charged refunded notified contacted informed executed performed
    completed carried_out run switched turned set
  `).replaceAll('_', ' '),
  'pt-BR': anyOf(`
    apagad[oa]s? excluid[oa]s? removid[oa]s? deletad[oa]s? eliminad[oa]s? cancelad[oa]s? desmarcad[oa]s? alterad[oa]s?
    mudad[oa]s? atualizad[oa]s? editad[oa]s? modificad[oa]s? substituid[oa]s? criad[oa]s? adicionad[oa]s? inserid[oa]s?
    agendad[oa]s? marcad[oa]s? remarcad[oa]s? movid[oa]s? enviad[oa]s? mandad[oa]s? encaminhad[oa]s? compartilhad[oa]s?
    exportad[oa]s? publicad[oa]s? copiad[oa]s? transferid[oa]s? concedid[oa]s? aprovad[oa]s? autorizad[oa]s? liberad[oa]s?
    promovid[oa]s? ativad[oa]s? desativad[oa]s? redefinid[oa]s? abert[oa]s? fechad[oa]s? registrad[oa]s? gravad[oa]s? salv[oa]s?
    pag[oa]s? cobrad[oa]s? estornad[oa]s? notificad[oa]s? avisad[oa]s? executad[oa]s? realizad[oa]s? concluid[oa]s? feit[oa]s?
  `),
} as const;

/** I did, we did: nobody but the one who speaks. */
const firstPerson = new RegExp(
  `(?:^| )(?:${[
    `(?:i|we)(?: (?:ve|have|had|just|already|now|also|successfully|then|am|was)){0,4} (?:${participles.en})`,
    `(?:i|we)(?: (?:ll|will|am|are|have to|m|re))(?: now)? (?:delet|eras|remov|chang|updat|creat|book|schedul|send|email|export|grant|disabl|execut)\\w*`,
    `${anyOf(`
      apaguei exclui removi deletei eliminei cancelei desmarquei alterei mudei atualizei editei modifiquei criei adicionei inseri
      agendei marquei remarquei movi enviei mandei encaminhei compartilhei exportei publiquei copiei transferi concedi aprovei
      autorizei liberei promovi ativei desativei redefini abri fechei registrei gravei salvei paguei cobrei estornei notifiquei avisei
      executei realizei conclui fiz apagamos excluimos removemos cancelamos alteramos atualizamos criamos agendamos enviamos exportamos
      liberamos desativamos executamos realizamos fizemos
    `)}`,
    `acabei de \\w+r`,
    `(?:ja )?foi feito`,
  ].join('|')})(?= |$)`,
);

/** It was done, by whomever. */
const passive = new RegExp(
  `(?:^| )(?:has been|have been|had been|was|were|is now|are now|foi|foram|esta agora|estao agora|ja esta|ja estao)(?: (?:successfully|now|just|already|ja|agora)){0,2} (${participles.en}|${participles['pt-BR']})(?= |$)`,
  'g',
);

/** By itself, it answers what it was told. */
const done = /^(?:(?:ok|okay|certo|claro|sure) )?(?:done|all done|pronto|feito|tudo pronto|concluido)$/;

/** `isSaid` is true of words that rows may use of themselves, folded. */
export const claimsAct = (text: string, isSaid: (word: string) => boolean): boolean => {
  const phrase = words(text).join(' ');
  return (
    firstPerson.test(phrase) ||
    text.split(/[.!:,;\n]/).some((part) => done.test(words(part).join(' '))) ||
    phrase.matchAll(passive).some(([, participle = '']) => !participle.split(' ').every(isSaid))
  );
};
