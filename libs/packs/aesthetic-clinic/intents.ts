import type { Cue, IntentPattern, Pack } from '../pack.ts';

/** One weight for many phrases. Phrases are folded: lower case, no accents. */
const cues = (weight: number, phrases: string): Cue[] =>
  phrases.split(',').map((words) => ({ words: words.trim(), weight }));

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
  {
    name: 'appointment_booking',
    order: 'ScheduleAppointment',
    cues: [
      ...cues(
        0.75,
        'marque, marca, marcar, agende, agendar, encaixe, encaixa, encaixar, coloque, coloca, bota, reserve, reservar, reserva, book, booking, schedule, arrange, squeeze in, set up, put down, sign up, novo horario, new appointment, nova consulta',
      ),
      // What is booked is nobody's name, whatever stands before it.
      ...cues(
        0.4,
        'slot, vaga, uma hora, limpeza de pele, peeling, botox, toxina botulinica, laser fracionado, avaliacao, retorno, drenagem, depilacao, massagem, preenchimento, microagulhamento, hidratacao, radiofrequencia, criolipolise, facial, peel, filler, massage, hair removal, follow up, skin check, clean up',
      ),
    ],
    entities: ['client', 'provider', 'date', 'time', 'service'],
    requiredPermissions: ['read:clients', 'read:appointments', 'read:billing'],
    dataSources: ['clients', 'providers', 'services'],
    defaultAsk: 'list',
    ttlSeconds: 60,
  },
  {
    name: 'appointment_move',
    order: 'RescheduleAppointment',
    cues: [
      ...cues(
        0.75,
        'remarque, remarca, remarcar, reagende, reagendar, reagenda, adie, adiar, adia, antecipe, antecipar, antecipa, transfira, transferir, transfere, mude, mudar, muda, passe, passar, passa, troque, trocar, troca, altere, alterar, mova, mover, jogue, joga, move, reschedule, rebook, postpone, push, put off, bring forward, shift, make it',
      ),
      ...cues(0.4, 'para outro dia, another day, outro horario, another time'),
    ],
    entities: ['client', 'provider', 'date', 'time'],
    requiredPermissions: ['read:appointments', 'read:clients'],
    dataSources: ['bookings', 'clients', 'providers'],
    defaultAsk: 'list',
    ttlSeconds: 60,
  },
  {
    name: 'appointment_cancel',
    order: 'CancelAppointment',
    cues: [
      ...cues(
        0.75,
        'desmarque, desmarca, desmarcar, cancele, cancela, cancelar, cancel, call off, drop, libere, liberar, libera, tire, tirar, tira, remova, remover, exclua, apague, anule, remove, delete, undo, scrap',
      ),
      ...cues(0.4, 'nao vai vir, nao vou poder, cannot come, can t make it'),
    ],
    entities: ['client', 'provider', 'date', 'time'],
    requiredPermissions: ['read:appointments', 'read:clients'],
    dataSources: ['bookings', 'clients', 'providers'],
    defaultAsk: 'list',
    ttlSeconds: 60,
  },
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
