import { expect } from 'vitest';

/**
 * Tests of a pure decision, read aloud: `given(decide, facts).when(body).then(emission)`.
 * An emission is compared by its message's name and by its body; `tell` and `grant` where the test names them.
 */
export const given = <Body, Facts, Out extends { message: { name: string }; body: unknown }>(
  decide: (body: Body, facts: Facts) => Out,
  facts: Facts,
) => ({
  when: (body: Body) => ({
    // biome-ignore lint/suspicious/noThenProperty: given, when, then reads aloud; nobody awaits it
    then: (expected: { message: { name: string }; body: unknown }) => {
      const { message, body: said } = decide(body, facts);
      expect({ message: message.name, body: said }).toEqual({
        message: expected.message.name,
        body: expected.body,
      });
    },
    decided: (): Out => decide(body, facts),
    thenThrows: (code: string) => {
      expect(() => decide(body, facts)).toThrow(expect.objectContaining({ code }));
    },
  }),
});
