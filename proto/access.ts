import { z } from 'zod';
import { codes } from './errors.ts';
import { message } from './message.ts';
import { requestTypes } from './privacy.ts';
import { locale } from './run.ts';

/** Commands on who may do what. Each is a message with the pass of the person who gives it, and ends in one fact. */

const id = z.string().min(1).max(64);
const level = z.string().min(1).max(40);
const kind = z.string().regex(/^[a-z_]{1,40}$/);
const explanationMax = 2_000;

/** The answer by which somebody reaches for a person without a relationship: an explicit yes, a reason, and why. */
export const emergencyAnswer = ({
  reasons,
  explanationMin,
}: {
  readonly reasons: readonly string[];
  readonly explanationMin: number;
}) =>
  z.strictObject({
    confirmed: z.literal(true),
    reason: z.enum(reasons),
    explanation: z.string().trim().min(explanationMin).max(explanationMax),
  });

/** JSON Schema of that answer, with what its parts are called in somebody's language. */
export const emergencySchema = (
  allowed: Parameters<typeof emergencyAnswer>[0],
  words: {
    readonly reason: string;
    readonly explanation: string;
    readonly reasons: Readonly<Record<string, string>>;
  },
): Readonly<Record<string, unknown>> => {
  const { reason, explanation } = emergencyAnswer(allowed).shape;
  // `enum` for who checks an answer by it, `oneOf` for who shows the choice.
  const oneOf = allowed.reasons.map((one) => ({ const: one, title: words.reasons[one] ?? one }));
  return z.toJSONSchema(
    emergencyAnswer(allowed).extend({
      reason: reason.meta({ title: words.reason, oneOf }),
      explanation: explanation.meta({ title: words.explanation }),
    }),
  );
};

export const command = z.discriminatedUnion('action', [
  z.object({
    action: z.literal('give_consent'),
    subjectId: id,
    level,
    /** How it is known; what somebody gives for themselves is always `person`. */
    basis: z.enum(['person', 'guardian', 'document']),
    channel: z.string().min(1).max(40),
  }),
  z.object({
    action: z.literal('withdraw_consent'),
    subjectId: id,
    /** The least level that is taken back, and with it all above. */
    level,
    channel: z.string().min(1).max(40),
  }),
  z.object({
    action: z.literal('open_relationship'),
    providerId: id,
    subjectId: id,
    basis: z.enum(['care', 'assigned']),
    until: z.iso.datetime().optional(),
  }),
  z.object({ action: z.literal('close_relationship'), providerId: id, subjectId: id }),
  z.object({
    action: z.literal('break_glass'),
    subjectId: id,
    /** One of the pack's reasons, and why in words. That they are missing is for the decision to say, so that audit knows. */
    reason: z.string().max(40),
    explanation: z.string().max(explanationMax),
  }),
  z.object({
    action: z.literal('open_privacy_request'),
    subjectId: id,
    type: z.enum(requestTypes),
    /** Public key (X25519, base64url) of the link by which the outcome is fetched: nothing else opens it. */
    recipient: z.string().length(43),
    /** What is right instead, by the name of a field of theirs. */
    corrections: z.record(z.string().max(40), z.string().max(2_000)).optional(),
  }),
  z.object({
    action: z.literal('review_privacy_request'),
    request: id,
    approved: z.boolean(),
    /** By what law, or else for what reason. It is told to whoever asked, and names nobody. */
    basis: z.string().trim().min(3).max(200).optional(),
  }),
  z.object({
    action: z.literal('tell_privacy_recipient'),
    request: id,
    /** Whom the caller has told. */
    recipient: id,
  }),
  z.object({
    action: z.literal('answer_interrupt'),
    interrupt: id,
    /** Anything but an explicit yes is a no. */
    confirmed: z.boolean(),
    reason: z.string().max(40),
    explanation: z.string().max(explanationMax),
  }),
  // A hold keeps a class of data, whatever its rule says. The reason is no secret and names nobody.
  z.object({ action: z.literal('place_hold'), class: kind, reason: z.string().trim().min(3).max(200) }),
  z.object({ action: z.literal('release_hold'), class: kind }),
  // Agrees to exactly what was listed and counted: another list has another root.
  z.object({
    action: z.literal('approve_retention'),
    tick: z.string().min(1).max(64),
    class: kind,
    root: z.string().regex(/^[0-9a-f]{64}$/),
  }),
]);
export type Command = z.output<typeof command>;

const action = z.enum(command.options.map((one) => one.shape.action.value));

export const requested = message({
  name: 'access.requested',
  kind: 'intake',
  says: 'A signed-in person gave a command on who may do what, and the edge admitted it.',
  body: z.object({ command }),
  sealed: { head: z.object({ action }), headOf: (body) => ({ action: body.command.action }) },
});

/** Named by its command, whose id is also that of the history's entry: whom it is about stands there. */
export const changed = message({
  name: 'access.changed',
  kind: 'fact',
  says: 'A command on who may do what was carried out, and holds from now on.',
  ends: true,
  body: z.object({
    action,
    locale,
    /** When it ends by itself. */
    until: z.iso.datetime().optional(),
  }),
});

export const refused = message({
  name: 'access.refused',
  kind: 'fact',
  says: 'A command on who may do what was refused; nothing changed.',
  ends: true,
  body: z.object({ action, locale, code: z.enum(codes) }),
});
