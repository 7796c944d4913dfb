// What signs certificates is built on it, and does not bring it along.
import 'reflect-metadata';
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { chown } from 'node:fs/promises';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';

/**
 * An authority of one's own and what it signs, for servers that stand beside each other in containers. Its key signs once and is
 * kept nowhere, so that nobody signs with it again; whoever wants other certificates makes all of them anew.
 */

/** A server, by the name that others reach it by, and the user who reads its key where that is not ours. */
export interface Holder {
  readonly name: string;
  readonly uid?: number;
}

const lastsYears = 10;
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

const authorityOf = (folder: string): string => join(folder, 'authority', 'ca.crt');

/**
 * Writes `authority/ca.crt`, and `<name>/server.crt` and `<name>/server.key` for each server, unless they are there and belong to
 * each other. True when they were made.
 */
export const makeCertificates = async (folder: string, holders: readonly Holder[]): Promise<boolean> => {
  if (areThere(folder, holders)) return false;
  const notBefore = new Date();
  const notAfter = new Date(notBefore);
  notAfter.setUTCFullYear(notAfter.getUTCFullYear() + lastsYears);
  const times = { notBefore, notAfter, signingAlgorithm: algorithm };
  const { usages, flags } = { usages: ['sign', 'verify'] as const, flags: x509.KeyUsageFlags };
  const keys = await crypto.subtle.generateKey(algorithm, false, [...usages]);
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    ...times,
    name: 'CN=jangada',
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(flags.keyCertSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  for (const { name, uid } of holders) {
    const own = await crypto.subtle.generateKey(algorithm, true, [...usages]);
    const certificate = await x509.X509CertificateGenerator.create({
      ...times,
      subject: `CN=${name}`,
      issuer: authority.subject,
      publicKey: own.publicKey,
      signingKey: keys.privateKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(flags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: name }]),
        await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    const bytes = await crypto.subtle.exportKey('pkcs8', own.privateKey);
    await put(join(folder, name, 'server.key'), x509.PemConverter.encode(bytes, 'PRIVATE KEY'), 0o600, uid);
    await put(join(folder, name, 'server.crt'), certificate.toString('pem'), 0o644, uid);
  }
  // Last, so that what is half made is made anew.
  await put(authorityOf(folder), authority.toString('pem'), 0o644);
  return true;
};

/** Whole or not at all. */
const put = async (path: string, text: string, mode: number, uid?: number): Promise<void> => {
  const partial = `${path}.partial`;
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(partial, `${text.trimEnd()}\n`, { mode });
  if (uid !== undefined) await chown(partial, uid, uid);
  renameSync(partial, path);
};

const areThere = (folder: string, holders: readonly Holder[]): boolean => {
  const read = (path: string) => (existsSync(path) ? new X509Certificate(readFileSync(path)) : undefined);
  const authority = read(authorityOf(folder));
  return (
    authority !== undefined &&
    holders.every(({ name }) => {
      const certificate = read(join(folder, name, 'server.crt'));
      return (
        existsSync(join(folder, name, 'server.key')) &&
        certificate?.verify(authority.publicKey) === true &&
        certificate.checkHost(name) !== undefined
      );
    })
  );
};

if (import.meta.main) {
  const [folder = '', ...named] = process.argv.slice(2);
  const holders = named.map((one) => {
    const [name = '', uid] = one.split(':');
    return { name, ...(uid === undefined ? {} : { uid: Number(uid) }) };
  });
  const made = await makeCertificates(folder, holders);
  console.log(made ? `made certificates for ${holders.map(({ name }) => name).join(', ')}` : 'all are there');
}
