import { WsAgent } from './agent.ts';

/** Asks one question: `example.ts <email> <password> <question>`, of the edge at `JANGADA_URL` or of `npm start`'s. */

const url = process.env['JANGADA_URL'] ?? 'http://127.0.0.1:3000';
const [email, password, content = ''] = process.argv.slice(2);

const token = async (): Promise<string> => {
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ email, password });
  const response = await fetch(`${url}/v1/auth/token`, { method: 'POST', headers, body });
  if (!response.ok) throw new Error(await response.text());
  return ((await response.json()) as { access_token: string }).access_token;
};

const agent = new WsAgent({ url, token });
agent.subscribe({ onTextMessageContentEvent: ({ event }) => void process.stdout.write(event.delta) });
agent.addMessage({ id: crypto.randomUUID(), role: 'user', content });
await agent.runAgent();
agent.close();
