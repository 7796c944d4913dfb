import { cues, orderIntents } from '../bookings/bookings.ts';
import type { IntentPattern, Pack } from '../pack.ts';
import { orders } from './sources.ts';

/** The words of questions about an agenda; how people ask them is in examples/. */
export const intents: readonly IntentPattern[] = [
  {
    name: 'appointment_query',
    cues: [
      ...cues(
        0.75,
        'appointment*, booking*, booked, consultation*, visit*, consulta, consultas, agendamento*, agendad*, atendimento*, marcad*, compromisso*, cancelamento*, cancellation*, falta, faltas, no show*, comparecimento, attendance',
      ),
      ...cues(
        0.4,
        'agenda*, schedul*, calendar, diary, semana, week, faltou, confirmad*, confirmed, cancelad*, cancelled, canceled, today, hoje, tomorrow, amanha, paciente*, patient*, medico*, medica*, doctor*',
      ),
    ],
    entities: ['date', 'time', 'patient', 'provider'],
    requiredPermissions: ['read:appointments'],
    dataSources: ['appointments', 'patients', 'practitioners'],
    defaultAsk: 'list',
    ttlSeconds: 60,
  },
  {
    name: 'free_time_query',
    cues: [
      ...cues(
        0.75,
        'livre, livres, vaga, vagas, vago, vagos, disponivel, disponiveis, disponibilidade, ocupacao, utilizacao, lotacao, free, available, availability, opening*, gap*, utilisation, utilization, occupancy',
      ),
      ...cues(
        0.4,
        'horario*, espaco, encaixe*, cabe, brecha*, buraco*, cheia, cheio, lotad*, ocupad*, slot*, times, open, room, full, busy',
      ),
    ],
    entities: ['date', 'time', 'provider'],
    requiredPermissions: ['read:agenda'],
    dataSources: ['free_times', 'practitioners'],
    defaultAsk: 'list',
    ttlSeconds: 60,
  },
  ...orderIntents(orders, {
    booking: ['read:patients', 'read:appointments', 'read:agenda'],
    change: ['read:appointments', 'read:patients'],
  }),
];

export const leads: Pack['leads'] = [
  {
    role: 'provider',
    words:
      'com with by dr dra doutor doutora doctor medico medica profissional professional practitioner'.split(
        ' ',
      ),
  },
  {
    role: 'subject',
    words: 'de do da of for para paciente pacientes patient patients sobre about tem has does'.split(' '),
  },
];

export const states: Pack['states'] = [
  { words: ['confirmad*', 'confirmed'], source: 'appointments', state: 'confirmed' },
  {
    words: [
      ...['cancelad*', 'cancelamento*', 'cancelou', 'cancelaram', 'desmarcad*', 'desmarcou', 'desmarcaram'],
      ...['cancelled', 'canceled', 'cancellation*', 'called off'],
    ],
    source: 'appointments',
    state: 'cancelled',
  },
  {
    words: [
      ...['faltas', 'faltou', 'faltaram', 'faltosos', 'nao comparec*', 'nao vieram', 'nao veio', 'ausencia*'],
      ...['no show*', 'missed', 'did not come', 'did not show', 'didn t come', 'didn t show', 'absence*'],
    ],
    source: 'appointments',
    state: 'no_show',
  },
  {
    words: [
      ...['comparec*', 'realizad*', 'concluid*', 'vieram', 'attended', 'attendance', 'completed'],
      ...['took place', 'turned up'],
    ],
    source: 'appointments',
    state: 'attended',
  },
];
