import { omitOptionalNulls } from '@ag-ui/core';
import { ContentPartSchema, MessageSchema } from '@ag-ui/core/schemas';

/**
 * What clients of other generations and languages send as a RunAgentInput, as the schema of 1.0 reads it: without the
 * nulls that some write for what is absent, without messages of a role that nobody here knows, and without parts of a
 * message that are none or are of a kind from before or after. Whatever else is wrong stays, to be refused.
 */
export const healed = (body: unknown): unknown => {
  const input = omitOptionalNulls(body, 'RunAgentInput');
  if (!isObject(input) || !Array.isArray(input['messages'])) return input;
  return { ...input, messages: input['messages'].filter(isOfKnownRole).map(withUsableParts) };
};

const roles: ReadonlySet<unknown> = new Set(MessageSchema.options.map(({ shape: { role } }) => role.value));

const isOfKnownRole = (message: unknown): boolean =>
  !isObject(message) || typeof message['role'] !== 'string' || roles.has(message['role']);

const withUsableParts = (message: unknown): unknown =>
  isObject(message) && Array.isArray(message['content'])
    ? { ...message, content: message['content'].filter((part) => ContentPartSchema.safeParse(part).success) }
    : message;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
