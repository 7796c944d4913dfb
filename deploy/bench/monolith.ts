import fastify from 'fastify';
import { openAudit, openRows, permissions, type Request, tell, understand } from './steps.ts';

/** The baseline without hops: one process that takes the five steps in turn. */

const { DATABASE_URL = '', PORT = '0', CLINICS = '0' } = process.env;
const permit = permissions(Number(CLINICS));
const rowsOf = openRows(DATABASE_URL);
const audit = openAudit(DATABASE_URL, 'bench.monolith');

const app = fastify({ logger: { level: 'warn' } });
app.post<{ Body: Request }>('/run', async ({ body }, reply) => {
  const intent = understand(body);
  const fields = permit(body, intent);
  const rows = await rowsOf(body);
  reply.hijack();
  reply.raw.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
  for (const chunk of tell(body, rows)) reply.raw.write(chunk);
  const { runId, clinic, user } = body;
  await audit({ runId, clinic, user, intent, fields, rows: rows.length });
  reply.raw.end('\n{"done":true}');
});
app.get('/ready', () => ({ ready: true }));
await app.listen({ host: '127.0.0.1', port: Number(PORT) });
