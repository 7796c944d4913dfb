import { cues, orderIntents } from '../bookings/bookings.ts';
import type { IntentPattern, Pack } from '../pack.ts';
import { orders } from './orders.ts';

/**
 * The words of the clinic's questions, in Portuguese and English; how people ask them is in examples/. A word that names
 * the subject matter by itself weighs 0.75; one that only hints weighs 0.4.
 */
export const intents: readonly IntentPattern[] = [
  {
    name: 'appointment_query',
    cues: [
      ...cues(
        0.75,
        'appointment*, schedul*, booking*, booked, consultation*, visit*, agenda*, consulta, consultas, agendamento*, agendad*, horario*, atendimento*, sessao, sessoes, marcad*, compromisso*',
      ),
      ...cues(
        0.4,
        'calendar, when, quando, no show*, faltou, faltas, confirmad*, confirmed, cancelad*, cancelled, canceled, today, hoje, tomorrow, amanha',
      ),
    ],
    entities: ['date', 'time', 'client', 'provider'],
    requiredPermissions: ['read:appointments'],
    dataSources: ['appointments', 'clients', 'providers'],
    defaultAsk: 'list',
    ttlSeconds: 60,
  },
  {
    name: 'client_query',
    cues: [
      ...cues(
        0.75,
        'client, clients, record*, history, patient*, cliente*, paciente*, ficha*, prontuario*, historico*, cadastro*, contato*, telefone*, contact*',
      ),
      ...cues(0.4, 'phone*, email, treated, tratamento*, treatment*, who is, quem e'),
    ],
    entities: ['client', 'treatment concern', 'cosmetic product'],
    requiredPermissions: ['read:clients'],
    dataSources: ['clients', 'aesthetic_records', 'cosmetic_products'],
    turns: [
      {
        words: ['history', 'historico*', 'record*', 'prontuario*', 'ficha*', 'treated', 'tratamento*'],
        source: 'aesthetic_records',
      },
    ],
    defaultAsk: 'list',
    ttlSeconds: 300,
  },
  {
    name: 'financial_query',
    cues: [
      ...cues(
        0.78,
        'billing, billed, bill, payment*, invoice*, financial*, revenue, charge*, charged, owed, fatura*, faturamento, faturad*, faturou, faturamos, pagamento*, cobranca*, cobrad*, receita, financeir*, nota fiscal, conta a receber, contas a receber',
      ),
      ...cues(
        0.4,
        'paid, unpaid, pago, pagos, pendente*, em aberto, total, amount, valor*, how much, quanto, open, owes, deve, devem',
      ),
    ],
    entities: ['amount', 'date', 'service'],
    requiredPermissions: ['read:billing'],
    dataSources: ['billing', 'appointments', 'services'],
    defaultAsk: 'list',
    ttlSeconds: 300,
  },
  ...orderIntents(orders, {
    booking: ['read:clients', 'read:appointments', 'read:billing'],
    change: ['read:appointments', 'read:clients'],
  }),
];

export const leads: Pack['leads'] = [
  {
    role: 'provider',
    words: [
      'com',
      'with',
      'by',
      'dr',
      'dra',
      'doutor',
      'doutora',
      'doctor',
      'profissional',
      'professional',
      'provider',
    ],
  },
  {
    role: 'subject',
    words: [
      'de',
      'do',
      'da',
      'of',
      'for',
      'para',
      'cliente',
      'clientes',
      'client',
      'clients',
      'paciente',
      'pacientes',
      'patient',
      'patients',
      'sobre',
      'about',
      'tem',
      'has',
      'does',
    ],
  },
];

export const states: Pack['states'] = [
  { words: ['confirmad*', 'confirmed'], source: 'appointments', state: 'confirmed' },
  { words: ['cancelad*', 'cancelled', 'canceled', 'desmarcad*'], source: 'appointments', state: 'cancelled' },
  { words: ['realizad*', 'completed', 'concluid*'], source: 'appointments', state: 'completed' },
  { words: ['no show*', 'faltou', 'faltaram', 'faltas', 'missed'], source: 'appointments', state: 'no_show' },
  {
    words: [
      'unpaid',
      'open',
      'outstanding',
      'em aberto',
      'nao pag*',
      'pendente*',
      'a receber',
      'owed',
      'owes',
      'deve',
      'devem',
    ],
    source: 'billing',
    state: 'open',
  },
  {
    words: ['paid', 'pago', 'pagos', 'paga', 'pagas', 'recebid*', 'received'],
    source: 'billing',
    state: 'paid',
  },
  { words: ['inactive', 'inativ*'], source: 'clients', state: 'inactive' },
];
