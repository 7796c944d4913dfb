import type { Cue, IntentPattern, Orders, OrderWording, RetentionRule, Source } from '../pack.ts';

/** What packs have in common whose tenants take bookings: the projection's table, orders in a conversation, and for how long it is kept. */

/** One weight for many phrases. Phrases are folded: lower case, no accents. */
export const cues = (weight: number, phrases: string): Cue[] =>
  phrases.split(',').map((words) => ({ words: words.trim(), weight }));

/** Sources of a pack that orders are about, by their names; people and providers are called as their tables are. */
type About = Pick<Orders, 'people' | 'providers' | 'services' | 'whom' | 'saidAs'>;

const verbs =
  'marque marca marcar agende agendar encaixe encaixar book schedule remarque remarca remarcar reagende reagendar adie move reschedule rebook postpone desmarque desmarca desmarcar cancele cancela cancelar cancel';

/** How appointments are made, moved and cancelled in a conversation. */
export const ordersOf = (about: About): Orders => ({
  ...about,
  bookings: 'bookings',
  leads: [{ role: 'subject', words: [...verbs.split(' '), "'s", '’s'] }],
  minutes: 30,
  answerWithinMs: 600_000,
});

export const orderIntents = (
  { people, providers, services, bookings }: Orders,
  permissions: Readonly<Record<'booking' | 'change', readonly string[]>>,
): readonly IntentPattern[] => [
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
    requiredPermissions: [...permissions.booking],
    dataSources: [people, providers, services],
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
    requiredPermissions: [...permissions.change],
    dataSources: [bookings, people, providers],
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
    requiredPermissions: [...permissions.change],
    dataSources: [bookings, people, providers],
    defaultAsk: 'list',
    ttlSeconds: 60,
  },
];

const is = (value: string) => ({ column: 'bookings.status', value });

/** The projection's table, by who is booked and who provides. */
export const bookingsOf = ({
  people,
  providers,
  whom,
}: Pick<About, 'people' | 'providers' | 'whom'>): Source => ({
  table: 'bookings',
  resource: 'appointments',
  fields: {
    appointmentId: { column: 'bookings.id', kind: 'plain' },
    version: { column: 'bookings.version', kind: 'plain' },
    start: { column: 'bookings.starts_at', kind: 'plain' },
    end: { column: 'bookings.ends_at', kind: 'plain' },
    [whom]: { column: `${people}.name`, kind: 'personal' },
    provider: { column: `${providers}.name`, kind: 'plain' },
    room: { column: 'bookings.room_id', kind: 'plain' },
    service: { column: 'bookings.service', kind: 'plain' },
    status: { column: 'bookings.status', kind: 'plain' },
  },
  list: ['appointmentId', 'version', 'start', 'end', whom, 'provider', 'room', 'service', 'status'],
  subject: { column: 'bookings.subject_id', table: people },
  provider: { column: 'bookings.provider_id', table: providers },
  at: 'bookings.starts_at',
  order: { column: 'bookings.starts_at', type: 'timestamptz' },
  states: {
    scheduled: is('scheduled'),
    confirmed: is('confirmed'),
    cancelled: is('cancelled'),
    attended: is('attended'),
    no_show: is('no_show'),
  },
  usually: [],
  asks: ['list'],
  isUncached: true,
  projection: 'bookings',
  listed: true,
});

export const bookingRules: readonly RetentionRule[] = [
  {
    class: 'booking_data',
    keep: 'P5Y',
    anchor: 'created',
    action: 'delete',
    basis: 'Código de Defesa do Consumidor, art. 27: defence against claims',
    jurisdiction: 'BR',
    table: 'bookings',
    ageColumn: 'ends_at',
  },
  // Without its key nobody makes a booking anew from its events. Nobody books for more than a year ahead.
  {
    class: 'booking_keys',
    keep: 'P6Y',
    anchor: 'created',
    action: 'delete',
    basis: 'Código de Defesa do Consumidor, art. 27: as long as what was booked with it',
    jurisdiction: 'BR',
    table: 'event_keys',
    ageColumn: 'made_at',
  },
];

/** By language; `whom` is what whom a booking is for is called. */
export const orderWords: Readonly<Record<'en' | 'pt-BR', (whom: string) => OrderWording>> = {
  'pt-BR': (whom) => ({
    confirm: {
      ScheduleAppointment: 'Marcar {whom} com {provider}: {when}?',
      RescheduleAppointment: 'Remarcar {whom} com {provider} de {was} para {when}?',
      CancelAppointment: 'Desmarcar {whom} com {provider}: {when}?',
    },
    lacks: {
      whom: 'Para quem é a consulta?',
      provider: 'Com qual profissional?',
      day: 'Para que dia?',
      time: 'A que horas?',
      when: 'Para que dia e a que horas?',
      newTime: 'Para quando remarco?',
      past: 'Este horário já passou. Para que dia e a que horas?',
      booking: 'Qual das consultas? {names}',
    },
    which: 'Há mais de uma pessoa com este nome: {names}. Qual delas?',
    nobody: 'Não encontrei ninguém com o nome {name}. Qual é o nome completo?',
    noBooking: 'Não encontrei nenhuma consulta marcada que seja essa.',
    facts: {
      whom,
      provider: 'Profissional',
      service: 'Serviço',
      when: 'Quando',
      was: 'Antes',
    },
  }),
  en: (whom) => ({
    confirm: {
      ScheduleAppointment: 'Book {whom} with {provider}: {when}?',
      RescheduleAppointment: 'Move {whom} with {provider} from {was} to {when}?',
      CancelAppointment: 'Cancel {whom} with {provider}: {when}?',
    },
    lacks: {
      whom: 'Who is the appointment for?',
      provider: 'With which professional?',
      day: 'On which day?',
      time: 'At what time?',
      when: 'On which day and at what time?',
      newTime: 'When should it be instead?',
      past: 'This time is over. On which day and at what time?',
      booking: 'Which of the appointments? {names}',
    },
    which: 'There is more than one person of this name: {names}. Which one?',
    nobody: 'I found nobody by the name {name}. What is the full name?',
    noBooking: 'I found no such appointment that is still to come.',
    facts: {
      whom,
      provider: 'Professional',
      service: 'Service',
      when: 'When',
      was: 'Before',
    },
  }),
};
