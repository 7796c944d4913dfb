import { X509Certificate } from 'node:crypto';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { ConfigError } from './config.ts';

/**
 * Trusts an authority of one's own beside the public ones, for every connection of this process: broker, database,
 * cache and whatever else is dialled by TLS.
 * @throws ConfigError for what is no certificate
 */
export const trustAuthority = (pem: string | undefined): void => {
  if (pem === undefined) return;
  try {
    new X509Certificate(pem);
    setDefaultCACertificates([...getCACertificates('default'), pem]);
  } catch {
    throw new ConfigError('cannot start: TLS_CA is no certificate');
  }
};
