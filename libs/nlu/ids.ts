/** Something that identifies a person or a company by itself. */
export interface Document {
  readonly kind: 'cpf' | 'cnpj' | 'email' | 'phone';
  /** Without punctuation: digits, a CNPJ's capitals too; a phone in E.164; an e-mail address in lower case. */
  readonly value: string;
  readonly text: string;
  /** Offsets of `text` in the text given. */
  readonly start: number;
  readonly end: number;
}

/** Brazil's check digit: the weighted sum modulo 11. Letters weigh as in the CNPJ of 2026, their ASCII code less 48. */
function checkDigit(body: string, weights: readonly number[]): string {
  let sum = 0;
  for (let at = 0; at < body.length; at += 1) sum += (body.charCodeAt(at) - 48) * (weights[at] ?? 0);
  const rest = sum % 11;
  return String(rest < 2 ? 0 : 11 - rest);
}

const endsChecked = (value: string, first: readonly number[], second: readonly number[]): boolean => {
  const body = value.slice(0, -2);
  const digit = checkDigit(body, first);
  return value.endsWith(digit + checkDigit(body + digit, second)) && !/^(.)\1*$/.test(value);
};

const isCpf = (digits: string) =>
  endsChecked(digits, [10, 9, 8, 7, 6, 5, 4, 3, 2], [11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
const isCnpj = (code: string) =>
  endsChecked(code, [5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2], [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]);

const unpunctuated = (text: string) => text.replace(/[^0-9A-Z]/gi, '').toUpperCase();

interface Kind {
  readonly kind: Document['kind'];
  readonly expression: RegExp;
  /** The value of a match, or undefined when its check digits are wrong. */
  readonly value: (text: string) => string | undefined;
}

const checked = (isValid: (value: string) => boolean) => (text: string) => {
  const value = unpunctuated(text);
  return isValid(value) ? value : undefined;
};

/** In order of certainty: what an earlier kind has read, a later one leaves. */
const kinds: readonly Kind[] = [
  {
    kind: 'email',
    expression: /(?<![\w.+%-])[\w.+%-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,8}(?![\w@-])/gi,
    value: (text) => text.toLowerCase(),
  },
  {
    kind: 'cnpj',
    expression: /(?<![\w.-])[0-9A-Z]{2}\.?[0-9A-Z]{3}\.?[0-9A-Z]{3}\/?[0-9A-Z]{4}-?\d\d(?![\w-])/gi,
    value: checked(isCnpj),
  },
  { kind: 'cpf', expression: /(?<![\w.-])\d{3}\.?\d{3}\.?\d{3}-?\d\d(?![\w-])/g, value: checked(isCpf) },
  {
    kind: 'phone',
    expression:
      /(?<![\w+(])(?:\+?55[ -]?)?(?:\([1-9]{2}\)|[1-9]{2})[ -]?(?:9[ .]?\d{4}|[2-5]\d{3})[ .-]?\d{4}(?![\w-])/g,
    value: (text) => `+55${unpunctuated(text).replace(/^55(?=\d{10})/, '')}`,
  },
];

/**
 * CPF and CNPJ (right check digits only), e-mail addresses and Brazilian phones (with their area code) in a
 * canonical text, in its order.
 */
export function findDocuments(text: string): Document[] {
  const found: Document[] = [];
  for (const { kind, expression, value } of kinds) {
    for (const match of text.matchAll(expression)) {
      const start = match.index;
      const end = start + match[0].length;
      const read = value(match[0]);
      if (read === undefined || found.some((other) => other.start < end && start < other.end)) continue;
      found.push({ kind, value: read, text: match[0], start, end });
    }
  }
  return found.sort((one, other) => one.start - other.start);
}
