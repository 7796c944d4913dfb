import type { Facet } from '../pack.ts';

/** What somebody asks who may want to live here, or somebody of theirs. */
export const interests: readonly string[] = ['pricing', 'visiting', 'admission'];

/** What articles are about, and the words that ask for it. One that is not here is a question without an answer. */
export const topics: Facet['values'] = {
  pricing: [
    'preco*',
    'mensalidade*',
    'custo*',
    'custa',
    'valor*',
    'price*',
    'pricing',
    'cost',
    'costs',
    'fee',
    'fees',
  ],
  features: ['funcionalidade*', 'recurso', 'recursos', 'feature*'],
  documentation: ['documentacao', 'documentar', 'documentation'],
  visiting: ['visita', 'visitas', 'visitar', 'visit', 'visits', 'visiting', 'visitor*'],
  admission: ['admissao', 'vaga', 'vagas', 'admission*', 'vacancy', 'vacancies'],
  privacy: [
    'privacidade',
    'seguranca',
    'protecao de dados',
    'lgpd',
    'privacy',
    'security',
    'secure',
    'data protection',
    'gdpr',
  ],
};
