/** What the demo homes tell anybody, in both languages. Made up. */
export const articles: readonly {
  readonly id: string;
  readonly topic: string;
  readonly language: 'en' | 'pt-BR';
  readonly title: string;
  readonly body: string;
}[] = [
  {
    id: 'faq-precos',
    topic: 'pricing',
    language: 'pt-BR',
    title: 'Quanto custa morar aqui?',
    body: 'A mensalidade começa em R$ 6.200 e inclui quarto, refeições e cuidados de base. Enfermagem e fisioterapia são cobradas à parte.',
  },
  {
    id: 'faq-pricing',
    topic: 'pricing',
    language: 'en',
    title: 'What does it cost to live here?',
    body: 'The monthly fee starts at R$ 6,200 and covers room, meals and basic care. Nursing and physiotherapy are charged apart.',
  },
  {
    id: 'guia-funcionalidades',
    topic: 'features',
    language: 'pt-BR',
    title: 'O que a gestão de cuidados oferece?',
    body: 'Registros de cuidado, medicação, agenda e respostas à família, em um só lugar e com o consentimento do residente.',
  },
  {
    id: 'guide-features',
    topic: 'features',
    language: 'en',
    title: 'What does care management offer?',
    body: 'Care records, medication, appointments and answers to families, in one place and with the resident’s consent.',
  },
  {
    id: 'guia-documentacao',
    topic: 'documentation',
    language: 'pt-BR',
    title: 'Como documentar o cuidado?',
    body: 'Registre o que aconteceu logo depois, com hora, tipo e o que foi observado, sem opinião. Quedas são registradas sempre.',
  },
  {
    id: 'guide-documentation',
    topic: 'documentation',
    language: 'en',
    title: 'How is care documented?',
    body: 'Record what happened soon after, with time, kind and what was observed, without opinion. Falls are always recorded.',
  },
  {
    id: 'faq-visitas',
    topic: 'visiting',
    language: 'pt-BR',
    title: 'Quais são os horários de visita?',
    body: 'Todos os dias, das 10h às 18h. Fora disso, combine com a enfermagem.',
  },
  {
    id: 'faq-visiting',
    topic: 'visiting',
    language: 'en',
    title: 'What are the visiting hours?',
    body: 'Every day from 10 am to 6 pm. At other times, arrange it with the nurses.',
  },
  {
    id: 'faq-privacidade',
    topic: 'privacy',
    language: 'pt-BR',
    title: 'Quem vê os dados de um residente?',
    body: 'Quem cuida dele e, se ele concordar, a família. Cada acesso fica registrado.',
  },
  {
    id: 'faq-privacy',
    topic: 'privacy',
    language: 'en',
    title: 'Who sees a resident’s data?',
    body: 'Those who look after them and, if they agree, the family. Every access is recorded.',
  },
];
