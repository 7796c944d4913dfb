import type { Contract } from '@jangada/hop/hop.ts';
import { messages } from '@jangada/proto/catalogue.ts';
import { outcomes } from '@jangada/proto/command.ts';
import { headers } from '@jangada/proto/envelope.ts';
import { filterOf, type Message, streamOf, token } from '@jangada/proto/message.ts';
import { fetched, permitted } from '@jangada/proto/run.ts';
import { z } from 'zod';
import { heardBy, saidBy } from '../topology.ts';

/** JSON that is encrypted for its tenant and its place; the payload's schema is what it opens to. */
const sealedType = 'application/vnd.jangada.sealed+json';

const idOf = (message: Message): string => message.name.replaceAll('.', '_');

/** `run.understood.{tenant}.{id}` */
const addressOf = (message: Message): string => {
  const parts = ['{tenant}', '{id}'];
  return filterOf(message).replaceAll('*', () => parts.shift() ?? '');
};

const granted: ReadonlySet<Message> = new Set([permitted, fetched]);

const text = (description: string) => ({ type: 'string', description });

const headersOf = (message: Message) => {
  const properties = {
    [headers.schema]: {
      type: 'string',
      const: String(message.version),
      description: 'Version of the body’s schema.',
    },
    traceparent: text('W3C trace context of whoever said this.'),
    ...(message.passed && { [headers.pass]: text('The signed pass: who asks, for which run, until when.') }),
    ...(granted.has(message) && { [headers.grant]: text('The signed grant: what the plan may read.') }),
    ...(message.sealed && {
      [headers.head]: {
        type: 'string',
        contentMediaType: 'application/json',
        contentSchema: schemaOf(message.head),
        description: 'What the sealed body says to those who hold no key.',
      },
    }),
    ...(message.kind === 'fact'
      ? {
          [headers.expectedSequence]: {
            type: 'string',
            const: '0',
            description: 'Nothing is stored on this subject yet.',
          },
          ...(outcomes.includes(message) && {
            [headers.expectedOf]: text('`command.*.<tenant>.<id>`: nor on that of the other outcome.'),
          }),
        }
      : message.kind !== 'tick' && {
          [headers.messageId]: text('A keyed hash, so that sending again stores nothing again.'),
        }),
  };
  // The clock has no trace, and a schedule no identity of its own.
  const required = Object.keys(properties).filter(
    (name) => message.kind !== 'tick' || name !== 'traceparent',
  );
  return { type: 'object', properties, required };
};

const parametersOf = (message: Message) => {
  const pattern = `Matches ${token.source}.`;
  return {
    tenant: { description: `The organisation that the message belongs to. ${pattern}` },
    ...(filterOf(message).endsWith('.*.*') && {
      id: { description: `The run, or what else the message is about. ${pattern}` },
    }),
  };
};

const operation = (action: 'send' | 'receive', contract: Contract, message: Message) => ({
  action,
  channel: { $ref: `#/channels/${idOf(message)}` },
  summary: `${contract.name} ${action === 'send' ? 'says' : 'hears'} ${message.name}`,
  messages: [{ $ref: `#/channels/${idOf(message)}/messages/${idOf(message)}` }],
  tags: [{ name: contract.name }],
});

/** The messages, their channels and who sends and receives them, as AsyncAPI 3.0. */
export const asyncapi = (contracts: readonly Contract[], version: string) => ({
  asyncapi: '3.0.0',
  info: {
    title: 'Jangada',
    version,
    description:
      'Messages between the services. Generated from the contracts; the same declarations are enforced by the broker.',
    license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
  },
  defaultContentType: 'application/json',
  servers: { broker: { host: 'localhost:4222', protocol: 'nats', description: 'NATS JetStream' } },
  channels: Object.fromEntries(
    messages.map((message) => [
      idOf(message),
      {
        address: addressOf(message),
        title: message.name,
        description: `${message.says} Stored in the stream ${streamOf[message.kind]}.`,
        servers: [{ $ref: '#/servers/broker' }],
        parameters: parametersOf(message),
        messages: { [idOf(message)]: { $ref: `#/components/messages/${idOf(message)}` } },
      },
    ]),
  ),
  operations: Object.fromEntries(
    contracts.flatMap((contract) => [
      ...heardBy(contract).map(
        (message) =>
          [`${contract.name}_hears_${idOf(message)}`, operation('receive', contract, message)] as const,
      ),
      ...saidBy(contract).map(
        (message) =>
          [`${contract.name}_says_${idOf(message)}`, operation('send', contract, message)] as const,
      ),
    ]),
  ),
  components: {
    messages: Object.fromEntries(
      messages.map((message) => [
        idOf(message),
        {
          name: message.name,
          title: message.name,
          summary: message.says,
          contentType: message.sealed ? sealedType : 'application/json',
          ...(message.sealed && { 'x-sealed': true }),
          headers: headersOf(message),
          payload: { $ref: `#/components/schemas/${idOf(message)}` },
        },
      ]),
    ),
    schemas: Object.fromEntries(messages.map((message) => [idOf(message), schemaOf(message.body)])),
  },
});

/** AsyncAPI's own schema dialect is JSON Schema draft 7. */
const schemaOf = (shape: z.ZodType) => {
  const { $schema: _, ...schema } = z.toJSONSchema(shape, { target: 'draft-7' });
  return schema;
};
