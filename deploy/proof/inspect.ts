import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { until } from '@jangada/testkit/until.ts';
import { WebSocket } from 'ws';

/** A look into a process that was started with `--inspect`. */
export interface Inspected extends Disposable {
  /** What it holds after its garbage is collected, in bytes. */
  memory(): Promise<{ readonly heapUsed: number; readonly rss: number }>;
}

/** What such a process starts with; the port is any that is free. */
export const inspectable = { NODE_OPTIONS: '--inspect=127.0.0.1:0' } as const;

/** `logFile` is where the process says its address. */
export const inspect = async (logFile: string): Promise<Inspected> => {
  const address = await until(
    'the address of the inspector',
    async () => /ws:\/\/127\.0\.0\.1:\d+\/[\w-]+/.exec(await readFile(logFile, 'utf8'))?.[0],
  );
  const socket = new WebSocket(address);
  await once(socket, 'open');
  const waiting = new Map<number, (result: unknown) => void>();
  socket.on('message', (data) => {
    const { id, result } = JSON.parse(String(data)) as { id: number; result: unknown };
    waiting.get(id)?.(result);
    waiting.delete(id);
  });
  let asked = 0;
  const ask = (method: string, params: object = {}): Promise<unknown> =>
    new Promise((resolve) => {
      waiting.set(++asked, resolve);
      socket.send(JSON.stringify({ id: asked, method, params }));
    });
  return {
    memory: async () => {
      await ask('HeapProfiler.collectGarbage');
      const expression = 'process.memoryUsage()';
      const { result } = (await ask('Runtime.evaluate', { expression, returnByValue: true })) as {
        result: { value: NodeJS.MemoryUsage };
      };
      return result.value;
    },
    [Symbol.dispose]: () => socket.close(),
  };
};
