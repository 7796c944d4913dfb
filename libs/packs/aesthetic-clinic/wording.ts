import type { Pack } from '../pack.ts';

/** How answers are told. `{n}`, `{noun}`, `{about}` and `{amount}` are filled by the composer. */
export const wording: Pack['wording'] = {
  'pt-BR': {
    nouns: {
      appointments: ['consulta', 'consultas'],
      clients: ['cliente', 'clientes'],
      billing: ['lançamento', 'lançamentos'],
      aesthetic_records: ['registro', 'registros'],
      cosmetic_products: ['produto', 'produtos'],
      providers: ['profissional', 'profissionais'],
      services: ['serviço', 'serviços'],
    },
    count: '{n} {noun}{about}.',
    total: 'Total{about}: {amount}.',
    list: '{n} {noun}{about}:',
    more: 'Mostrando {shown} de {n}. Peça a próxima página para continuar.',
    none: 'Nenhum resultado{about}.',
    perDay: '{n} {noun}{about}, por dia:',
    states: {
      scheduled: 'agendada',
      confirmed: 'confirmada',
      completed: 'realizada',
      cancelled: 'cancelada',
      no_show: 'falta',
      open: 'em aberto',
      paid: 'pago',
      settled: 'liquidado',
      active: 'ativo',
      inactive: 'inativo',
    },
    emergency:
      'Você não tem vínculo de atendimento com esta pessoa. Se for uma emergência, confirme, escolha o motivo e explique: o acesso vale por 30 minutos e fica registrado.',
    suggestions: ['quantas consultas tenho amanhã?', 'clientes silva', 'total faturado em maio'],
  },
  en: {
    nouns: {
      appointments: ['appointment', 'appointments'],
      clients: ['client', 'clients'],
      billing: ['line', 'lines'],
      aesthetic_records: ['record', 'records'],
      cosmetic_products: ['product', 'products'],
      providers: ['professional', 'professionals'],
      services: ['service', 'services'],
    },
    count: '{n} {noun}{about}.',
    total: 'Total{about}: {amount}.',
    list: '{n} {noun}{about}:',
    more: 'Showing {shown} of {n}. Ask for the next page to go on.',
    none: 'No results{about}.',
    perDay: '{n} {noun}{about}, by day:',
    states: {
      scheduled: 'scheduled',
      confirmed: 'confirmed',
      completed: 'completed',
      cancelled: 'cancelled',
      no_show: 'no-show',
      open: 'open',
      paid: 'paid',
      settled: 'settled',
      active: 'active',
      inactive: 'inactive',
    },
    emergency:
      'You have no care relationship with this person. If it is an emergency, confirm, choose the reason and explain: access holds for 30 minutes and is recorded.',
    suggestions: ['how many appointments do I have tomorrow?', 'clients silva', 'total billed in May'],
  },
};
