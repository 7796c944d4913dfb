import { orderWords } from '../bookings/bookings.ts';
import type { Pack } from '../pack.ts';

/** How answers are told. `{n}`, `{noun}` and `{about}` are filled by the composer. */
export const wording: Pack['wording'] = {
  'pt-BR': {
    nouns: {
      appointments: ['consulta', 'consultas'],
      bookings: ['agendamento', 'agendamentos'],
      free_times: ['horário livre', 'horários livres'],
      patients: ['paciente', 'pacientes'],
      practitioners: ['profissional', 'profissionais'],
      visit_types: ['tipo de consulta', 'tipos de consulta'],
    },
    count: '{n} {noun}{about}.',
    total: 'Total{about}: {amount}.',
    list: '{n} {noun}{about}:',
    more: 'Mostrando {shown} de {n}. Peça a próxima página para continuar.',
    none: 'Nenhum resultado{about}.',
    nones: { free_times: 'Nenhum horário livre{about}.' },
    perDay: '{n} {noun}{about}, por dia:',
    shares: {
      appointments: 'Taxa{about}: {percent} %, {part} de {whole} consultas.',
      free_times: 'Ocupação{about}: {percent} %, {part} de {whole} minutos.',
    },
    states: {
      scheduled: 'agendada',
      confirmed: 'confirmada',
      cancelled: 'cancelada',
      attended: 'compareceu',
      no_show: 'falta',
    },
    orders: orderWords['pt-BR']('Paciente'),
    classes: {
      patient_data: 'dados de pacientes',
      booking_data: 'consultas',
      booking_keys: 'chaves de consultas',
      feedback: 'avaliações',
      alerts: 'alertas',
      reading_habits: 'hábitos de leitura',
      audit_logs: 'auditoria',
      system_logs: 'registros do sistema',
    },
    labels: {
      role: {
        coordinator: 'coordenação',
        receptionist: 'recepção',
        doctor: 'profissional',
        patient: 'paciente',
      },
      purpose: { care: 'atendimento', administration: 'administração', statistics: 'estatística' },
    },
    columns: { name: 'nome', phone: 'telefone', provider_id: 'profissional', created_at: 'cadastro desde' },
    suggestions: [
      'minha agenda desta semana',
      'que horários a Dra. Lima tem livres amanhã?',
      'taxa de faltas deste mês',
    ],
  },
  en: {
    nouns: {
      appointments: ['appointment', 'appointments'],
      bookings: ['booking', 'bookings'],
      free_times: ['free time', 'free times'],
      patients: ['patient', 'patients'],
      practitioners: ['professional', 'professionals'],
      visit_types: ['type of visit', 'types of visit'],
    },
    count: '{n} {noun}{about}.',
    total: 'Total{about}: {amount}.',
    list: '{n} {noun}{about}:',
    more: 'Showing {shown} of {n}. Ask for the next page to go on.',
    none: 'No results{about}.',
    nones: { free_times: 'No free time{about}.' },
    perDay: '{n} {noun}{about}, by day:',
    shares: {
      appointments: 'Rate{about}: {percent}%, {part} of {whole} appointments.',
      free_times: 'Utilisation{about}: {percent}%, {part} of {whole} minutes.',
    },
    states: {
      scheduled: 'scheduled',
      confirmed: 'confirmed',
      cancelled: 'cancelled',
      attended: 'attended',
      no_show: 'no-show',
    },
    orders: orderWords.en('Patient'),
    classes: {
      patient_data: 'patient data',
      booking_data: 'appointments',
      booking_keys: 'keys of appointments',
      feedback: 'feedback',
      alerts: 'alerts',
      reading_habits: 'reading habits',
      audit_logs: 'audit trail',
      system_logs: 'system logs',
    },
    labels: {
      role: {
        coordinator: 'coordination',
        receptionist: 'reception',
        doctor: 'professional',
        patient: 'patient',
      },
      purpose: { care: 'care', administration: 'administration', statistics: 'statistics' },
    },
    columns: { name: 'name', phone: 'phone', provider_id: 'professional', created_at: 'known since' },
    suggestions: [
      'my schedule this week',
      'which times does Dr. Lima have free tomorrow?',
      'no-show rate this month',
    ],
  },
};
