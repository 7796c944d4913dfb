import type { Cue, IntentPattern, Pack } from '../pack.ts';

/** One weight for many phrases. Phrases are folded: lower case, no accents. */
const cues = (weight: number, phrases: string): Cue[] =>
  phrases.split(',').map((words) => ({ words: words.trim(), weight }));

/** What articles are about. */
const articleWords = `
  preco*, mensalidade*, custo*, custa, valor*, price*, pricing, cost, costs, fee, fees, funcionalidade*,
  recurso, recursos, feature*, documentacao, documentar, documentation, visita, visitas, visitar, visit, visits,
  visiting, visitor*, admissao, vaga, vagas, admission*, vacancy, vacancies, privacidade, seguranca,
  protecao de dados, lgpd, privacy, security, secure, data protection, gdpr`;

/**
 * The home's questions, in Portuguese and English. A word that names the subject matter by itself is enough; one that
 * only hints weighs 0.4 and needs another beside it. That somebody is a resident names no subject matter where another
 * word does, so it weighs least.
 */
export const intents: readonly IntentPattern[] = [
  {
    name: 'resident_query',
    cues: [
      ...cues(0.72, 'residente*, resident, residents, morador*'),
      ...cues(0.75, 'quarto*, room, rooms, telefone*, phone*'),
      ...cues(0.4, 'who is, quem e, contato*, contact*'),
    ],
    entities: ['resident'],
    requiredPermissions: ['read:residents'],
    dataSources: ['residents'],
    defaultAsk: 'list',
    ttlSeconds: 300,
  },
  {
    name: 'care_query',
    cues: [
      ...cues(
        0.78,
        'cuidados, evolucao, evolucoes, ocorrencia*, incidente*, queda, quedas, caiu, banho*, refeicao, refeicoes, observacao, observacoes, care note*, care event*, care record*, incident*, fall, falls, fell, meal, meals, bath, baths, observation*',
      ),
      ...cues(
        0.4,
        'care, higiene, hygiene, mobilidade, mobility, caminhada*, walk, walks, registro*, note, notes',
      ),
    ],
    entities: ['date', 'resident', 'carer', 'kind'],
    requiredPermissions: ['read:care_events'],
    dataSources: ['care_events', 'residents', 'carers'],
    defaultAsk: 'list',
    ttlSeconds: 60,
  },
  {
    name: 'medication_query',
    cues: [
      ...cues(
        0.8,
        'medicac*, medicament*, remedio*, comprimido*, medication*, medicine*, meds, pill, pills, tablet, tablets, dose, doses',
      ),
      ...cues(0.4, 'tomou, tomar, took, take, given, due, recusou, refused'),
    ],
    entities: ['date', 'resident', 'carer'],
    requiredPermissions: ['read:medications'],
    dataSources: ['medications', 'residents', 'carers'],
    defaultAsk: 'list',
    ttlSeconds: 60,
  },
  {
    name: 'appointment_query',
    cues: [
      ...cues(
        0.76,
        'appointment*, consulta, consultas, agenda, agendas, agendament*, schedule, compromisso*, fisioterapia, physiotherapy, booking*',
      ),
      ...cues(
        0.4,
        'medico, doctor, quando, when, hoje, today, amanha, tomorrow, visita, visitas, visit, visits',
      ),
    ],
    entities: ['date', 'resident', 'carer'],
    requiredPermissions: ['read:appointments'],
    dataSources: ['appointments', 'residents', 'carers'],
    defaultAsk: 'list',
    ttlSeconds: 60,
  },
  {
    name: 'inquiry_query',
    cues: [
      ...cues(
        0.8,
        'solicitac*, pedido*, reclamac*, duvida*, inquiry, inquiries, enquiry, enquiries, request, requests, complaint*',
      ),
      ...cues(0.4, 'familia*, family, families, aberta*, open'),
    ],
    entities: ['date', 'resident'],
    requiredPermissions: ['read:inquiries'],
    dataSources: ['inquiries', 'residents'],
    defaultAsk: 'list',
    ttlSeconds: 60,
  },
  {
    name: 'article_query',
    cues: [
      ...cues(0.78, articleWords),
      ...cues(0.4, 'como, how, help, ajuda, tell me about, fale sobre, lar, home'),
    ],
    entities: [],
    requiredPermissions: ['read:articles'],
    dataSources: ['articles'],
    defaultAsk: 'list',
    ttlSeconds: 3_600,
  },
];

export const leads: Pack['leads'] = [
  {
    role: 'provider',
    words: [
      'com',
      'with',
      'by',
      'pelo',
      'pela',
      'enfermeira',
      'enfermeiro',
      'cuidadora',
      'cuidador',
      'nurse',
      'carer',
    ],
  },
  {
    role: 'subject',
    words: [
      ...['de', 'do', 'da', 'of', 'for', 'para', 'sobre', 'about', 'tem', 'has', 'does', 'did'],
      ...[
        'residente',
        'residentes',
        'resident',
        'residents',
        'morador',
        'moradora',
        'moradores',
        'dona',
        'seu',
      ],
    ],
  },
];

export const states: Pack['states'] = [
  { words: ['pendente*', 'a tomar', 'due'], source: 'medications', state: 'due' },
  { words: ['recusad*', 'recusou', 'refused'], source: 'medications', state: 'refused' },
  { words: ['perdid*', 'esquecid*', 'missed'], source: 'medications', state: 'missed' },
  {
    words: ['administrad*', 'dada', 'dadas', 'dados', 'tomou', 'given', 'took'],
    source: 'medications',
    state: 'given',
  },
  { words: ['cancelad*', 'cancelled', 'canceled'], source: 'appointments', state: 'cancelled' },
  { words: ['realizad*', 'done'], source: 'appointments', state: 'done' },
  { words: ['abert*', 'open', 'pendente*', 'unanswered'], source: 'inquiries', state: 'open' },
  { words: ['respondid*', 'answered'], source: 'inquiries', state: 'answered' },
  { words: ['saiu', 'sairam', 'former', 'who left'], source: 'residents', state: 'left' },
];
