import type { Pack } from '../pack.ts';

/** How answers are told. `{n}`, `{noun}` and `{about}` are filled by the composer. */
export const wording: Pack['wording'] = {
  'pt-BR': {
    nouns: {
      prices: ['preço', 'preços'],
      discounts: ['desconto máximo', 'descontos máximos'],
      articles: ['artigo', 'artigos'],
    },
    count: '{n} {noun}{about}.',
    total: 'Total{about}: {amount}.',
    list: '{n} {noun}{about}:',
    lists: { prices: '{n} {noun}{about}, do menor ao maior:' },
    more: 'Mostrando {shown} de {n}. Peça a próxima página para continuar.',
    none: 'Nenhum resultado{about}.',
    nones: { articles: 'Sobre isso ainda não há artigo.' },
    cited: 'Leia também:{articles}',
    perDay: '{n} {noun}{about}, por dia:',
    states: {},
    labels: {
      purchase: {
        on_demand: 'sob demanda',
        spot: 'spot',
        reserved_1y: 'reservada por 1 ano',
        reserved_3y: 'reservada por 3 anos',
      },
      unit: { gpu_hour: 'por GPU e hora', instance_hour: 'por instância e hora' },
      source: { demo: 'dados de demonstração' },
    },
    findings: {
      cheapest: 'Menor preço: {price} {unit}, {provider}, {purchase}, {region}.',
      onDemand: 'Sem compromisso nem interrupção, o menor é {price} {unit}, {provider}, {region}.',
      spot: 'Spot na {provider} ({region}) custa {percent}% menos que sob demanda e pode ser interrompida.',
      term: '{provider} ({region}), {purchase}: {amount} em {months} meses de uso contínuo, {percent}% menos que sob demanda.',
    },
    classes: {
      feedback: 'avaliações',
      alerts: 'alertas',
      reading_habits: 'hábitos de leitura',
      audit_logs: 'auditoria',
      system_logs: 'registros do sistema',
    },
    suggestions: [
      'qual o preço de A100 na AWS?',
      'compare A100 na AWS e na Azure',
      'qual o desconto spot na Azure?',
    ],
  },
  en: {
    nouns: {
      prices: ['price', 'prices'],
      discounts: ['largest discount', 'largest discounts'],
      articles: ['article', 'articles'],
    },
    count: '{n} {noun}{about}.',
    total: 'Total{about}: {amount}.',
    list: '{n} {noun}{about}:',
    lists: { prices: '{n} {noun}{about}, the lowest first:' },
    more: 'Showing {shown} of {n}. Ask for the next page to go on.',
    none: 'No results{about}.',
    nones: { articles: 'There is no article about that yet.' },
    cited: 'Read on:{articles}',
    perDay: '{n} {noun}{about}, by day:',
    states: {},
    labels: {
      purchase: {
        on_demand: 'on demand',
        spot: 'spot',
        reserved_1y: 'reserved for 1 year',
        reserved_3y: 'reserved for 3 years',
      },
      unit: { gpu_hour: 'per GPU and hour', instance_hour: 'per instance and hour' },
      source: { demo: 'demo data' },
    },
    findings: {
      cheapest: 'Lowest price: {price} {unit}, {provider}, {purchase}, {region}.',
      onDemand: 'Without commitment or interruption the lowest is {price} {unit}, {provider}, {region}.',
      spot: 'Spot at {provider} ({region}) costs {percent}% less than on demand and can be interrupted.',
      term: '{provider} ({region}), {purchase}: {amount} for {months} months of continuous use, {percent}% less than on demand.',
    },
    classes: {
      feedback: 'feedback',
      alerts: 'alerts',
      reading_habits: 'reading habits',
      audit_logs: 'audit trail',
      system_logs: 'system logs',
    },
    suggestions: [
      'what does an A100 cost on AWS?',
      'compare A100 on AWS and Azure',
      'what is the spot discount on Azure?',
    ],
  },
};
