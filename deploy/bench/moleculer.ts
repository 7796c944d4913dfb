import { Readable } from 'node:stream';
import fastify from 'fastify';
import { type Context, ServiceBroker, type ServiceSchema } from 'moleculer';
import {
  type AuditRow,
  openAudit,
  openRows,
  permissions,
  type Request,
  type Row,
  tell,
  understand,
} from './steps.ts';

/** The baseline with hops that are not durable: Moleculer over NATS, one process for each step. Argument: which. */

const { DATABASE_URL = '', PORT = '0', CLINICS = '0', NATS_URL = '' } = process.env;
const [name = ''] = process.argv.slice(2);

const services: Record<string, () => ServiceSchema> = {
  intent: () => ({
    name: 'intent',
    actions: { understand: ({ params }: Context<Request>) => understand(params) },
  }),
  permission: () => {
    const permit = permissions(Number(CLINICS));
    return {
      name: 'permission',
      actions: {
        permit: ({ params }: Context<{ request: Request; intent: string }>) =>
          permit(params.request, params.intent),
      },
    };
  },
  data: () => {
    const rowsOf = openRows(DATABASE_URL);
    return { name: 'data', actions: { rows: ({ params }: Context<Request>) => rowsOf(params) } };
  },
  response: () => ({
    name: 'response',
    actions: {
      tell: ({ params }: Context<{ request: Request; rows: readonly Row[] }>) =>
        Readable.from(tell(params.request, params.rows)),
    },
  }),
  audit: () => {
    const audit = openAudit(DATABASE_URL, 'bench.moleculer');
    return { name: 'audit', actions: { keep: ({ params }: Context<AuditRow>) => audit(params) } };
  },
};

const broker = new ServiceBroker({
  nodeID: name,
  transporter: { type: 'NATS', options: { url: NATS_URL } },
  requestTimeout: 30_000,
  logger: { type: 'Console', options: { level: 'warn' } },
});
const service = services[name];
if (service) broker.createService(service());
await broker.start();

if (!service) {
  const app = fastify({ logger: { level: 'warn' } });
  app.post<{ Body: Request }>('/run', async ({ body: request }, reply) => {
    const intent = await broker.call<string, Request>('intent.understand', request);
    const fields = await broker.call<string[], object>('permission.permit', { request, intent });
    const rows = await broker.call<Row[], Request>('data.rows', request);
    const telling = await broker.call<Readable, object>('response.tell', { request, rows });
    reply.hijack();
    reply.raw.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
    for await (const chunk of telling) reply.raw.write(chunk);
    const { runId, clinic, user } = request;
    await broker.call<void, AuditRow>('audit.keep', {
      runId,
      clinic,
      user,
      intent,
      fields,
      rows: rows.length,
    });
    reply.raw.end('\n{"done":true}');
  });
  app.get('/ready', async () => {
    await broker.waitForServices(Object.keys(services), 1_000);
    return { ready: true };
  });
  await app.listen({ host: '127.0.0.1', port: Number(PORT) });
}
process.on('SIGINT', () => void broker.stop().then(() => process.exit()));
