import { describe, expect, test } from 'vitest';
import { findDocuments } from './ids.ts';

const read = (text: string) => findDocuments(text).map(({ kind, value }) => `${kind} ${value}`);

describe('documents are found', () => {
  test.each([
    ['cliente CPF 529.982.247-25', 'cpf 52998224725'],
    ['52998224725', 'cpf 52998224725'],
    ['123.456.788-10', 'cpf 12345678810'],
    ['CNPJ 11.222.333/0001-81', 'cnpj 11222333000181'],
    ['11222333000181', 'cnpj 11222333000181'],
    ['CNPJ 12.ABC.345/01DE-35', 'cnpj 12ABC34501DE35'],
    ['escreva a Ana.Lima+x@Clinica.com.br.', 'email ana.lima+x@clinica.com.br'],
    ['ligue (11) 91234-5678', 'phone +5511912345678'],
    ['ligue 11 91234 5678', 'phone +5511912345678'],
    ['ligue +55 11 3234-5678', 'phone +551132345678'],
    ['ligue 5511912345678', 'phone +5511912345678'],
    ['ligue (55) 3222-1234', 'phone +555532221234'],
    ['ligue 55 99999-1234', 'phone +5555999991234'],
  ])('%s', (text, expected) => {
    expect(read(text)).toEqual([expected]);
  });
});

describe('what only looks like one is not', () => {
  test.each([
    'CPF 529.982.247-26',
    '111.111.111-11',
    '11.222.333/0001-82',
    '00000000000000',
    'ana@clinica',
    '@clinica.com.br',
    '1234-5678',
    'dia 12/03/2024 às 14:00',
    'R$ 1.234,56',
    '9'.repeat(40),
  ])('%s', (text) => {
    expect(read(text)).toEqual([]);
  });
});

test('several come in the order of the text, with offsets that cut them out', () => {
  const text = 'ana@x.com, (11) 91234-5678 e 529.982.247-25';
  expect(findDocuments(text).map(({ start, end }) => text.slice(start, end))).toEqual([
    'ana@x.com',
    '(11) 91234-5678',
    '529.982.247-25',
  ]);
});
