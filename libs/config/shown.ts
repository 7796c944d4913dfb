import { type Name, settings } from './settings.ts';

/** Whoever is at the other end of these is believed or told secrets: of them it counts whether they are by TLS. */
const links: readonly Name[] = ['NATS_URL', 'DATABASE_URL', 'REDIS_URL'];
const isByTls = (url: string): boolean =>
  /^(tls|rediss):/.test(url) || /^postgres\w*:.*[?&]sslmode=verify-full(&|$)/.test(url);

const isName = (name: string): name is Name => Object.hasOwn(settings, name);

const shown = (name: Name, value: unknown): string | undefined => {
  if (links.includes(name)) return isByTls(String(value)) ? 'tls' : 'clear';
  if ('secret' in settings[name] || value === undefined) return undefined;
  const text = typeof value === 'object' && !Array.isArray(value) ? JSON.stringify(value) : String(value);
  // A certificate or a set of keys is too long to be read, and its presence is what counts.
  return text.length > 300 ? 'given' : text.replaceAll(/(?<=:\/\/)[^/@"]*@/g, '');
};

/** Settings as a service may tell them to an operator: nothing secret, and of a link only whether it is by TLS. */
export const shownOf = (values: object): Readonly<Partial<Record<Name, string>>> =>
  Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => {
      const text = isName(name) ? shown(name, value) : undefined;
      return text === undefined ? [] : [[name, text]];
    }),
  );
