import { z } from 'zod';
import { message } from './message.ts';
import { earlier, questionMaxLength } from './run.ts';

/**
 * What stands in a conversation, on one subject per conversation: its questions in order. What came of each is in the
 * replies of its run.
 */
export const asked = message({
  name: 'thread.asked',
  kind: 'reply',
  passed: false,
  says: 'A question, or an answer to one of ours, was admitted in a conversation that the person who asked can come back to.',
  body: z.object({
    run: z.string().max(64),
    /** Absent where it is no question but an answer to one of ours. */
    question: z.string().min(1).max(questionMaxLength).optional(),
    /** What it follows, so that the last of a conversation alone says what it is about. */
    earlier: earlier.optional(),
    /** The run that it answers. */
    answers: z.string().max(64).optional(),
    /** What the client calls the message. */
    message: z.string().max(200).optional(),
    /** In ms since 1970. */
    at: z.int(),
    /** Whose conversation it is, as `ownerOf` in libs/trust names them; who admits questions says it always. */
    owner: z.string().max(128).optional(),
    /** The agent that was asked: one of a tenant's, or the one that is open to all. */
    agent: z.enum(['tenant', 'public']).optional(),
  }),
  sealed: { head: z.object({}), headOf: () => ({}) },
});
