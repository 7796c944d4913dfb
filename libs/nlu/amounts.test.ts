import { describe, expect, test } from 'vitest';
import { findAmounts } from './amounts.ts';
import type { Language } from './text.ts';

const read = (text: string, language: Language) =>
  findAmounts(text, language).map(({ value, currency, comparison }) => `${comparison} ${value} ${currency}`);

describe('amounts in Portuguese', () => {
  test.each([
    ['R$ 1.234,56', 'exactly 123456 BRL'],
    ['R$1234', 'exactly 123400 BRL'],
    ['R$ 0,99', 'exactly 99 BRL'],
    ['US$ 100', 'exactly 10000 USD'],
    ['$ 50', 'exactly 5000 BRL'],
    ['100 dólares', 'exactly 10000 USD'],
    ['€ 20', 'exactly 2000 EUR'],
    ['20 €', 'exactly 2000 EUR'],
    ['faturas acima de 500 reais', 'over 50000 BRL'],
    ['faturas acima de R$ 1.500', 'over 150000 BRL'],
    ['mais de 2 mil reais', 'over 200000 BRL'],
    ['maior que R$ 10,5', 'over 1050 BRL'],
    ['menos de 300', 'under 30000 undefined'],
    ['menos de 300 em março', 'under 30000 undefined'],
    ['abaixo de R$ 80', 'under 8000 BRL'],
    ['inferior a 1 milhão de reais', 'under 100000000 BRL'],
    ['exatamente R$ 10', 'exactly 1000 BRL'],
    ['pelo menos R$ 500', 'over 49999 BRL'],
    ['até 300 reais', 'under 30001 BRL'],
  ])('%s is %s', (text, expected) => {
    expect(read(text, 'pt-BR')).toEqual([expected]);
  });
});

describe('amounts in English', () => {
  test.each([
    ['over $200', 'over 20000 USD'],
    ['$1,234.56', 'exactly 123456 USD'],
    ['more than 5k dollars', 'over 500000 USD'],
    ['under 300', 'under 30000 undefined'],
    ['less than R$ 1,000', 'under 100000 BRL'],
    ['at least $500', 'over 49999 USD'],
    ['up to 20 euros', 'under 2001 EUR'],
  ])('%s is %s', (text, expected) => {
    expect(read(text, 'en')).toEqual([expected]);
  });
});

test('between two amounts is over the one and under the other, both included', () => {
  expect(read('entre 100 e 300 reais', 'pt-BR')).toEqual(['over 9999 BRL', 'under 30001 BRL']);
  expect(read('between $100 and $300', 'en')).toEqual(['over 9999 USD', 'under 30001 USD']);
});

describe('numbers that are no money', () => {
  test.each([
    ['pt-BR', 'mais de 3 consultas'],
    ['pt-BR', 'menos de 30 dias'],
    ['pt-BR', 'até 15 de março'],
    ['pt-BR', 'entre 1 e 15 de março'],
    ['pt-BR', 'dia 12 às 14h'],
    ['pt-BR', 'acima de 50%'],
    ['pt-BR', 'mais de 25/12/2026'],
    ['pt-BR', 'CPF 529.982.247-25'],
    ['en', 'more than 3 visits'],
    ['en', 'the last 30 days'],
    ['en', 'over 2 years'],
  ] as const)('%s: %s', (language, text) => {
    expect(read(text, language)).toEqual([]);
  });
});

test('offsets cut the amount and its comparison out of the text', () => {
  const text = 'faturas acima de R$ 500,00 em maio';
  const [amount] = findAmounts(text, 'pt-BR');
  expect(text.slice(amount?.start, amount?.end)).toBe('acima de R$ 500,00');
});
