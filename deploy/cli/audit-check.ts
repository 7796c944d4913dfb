import { once } from 'node:events';
import { createReadStream, createWriteStream, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { packs } from '@jangada/packs/registry.ts';
import { viewed } from '@jangada/proto/auth.ts';
import { checkpointOf, keysOf } from '@jangada/verifier/checkpoint.ts';
import { entryOf } from '@jangada/verifier/dump.ts';
import { proof, proves } from '@jangada/verifier/proof.ts';
import type { Report } from '@jangada/verifier/report.ts';
import { verify } from '@jangada/verifier/verify.ts';
import { Command } from 'commander';
import { z } from 'zod';
import { fileOf } from '../keysets.ts';
import { checkpointLog, home, readLocal } from '../local.ts';
import { checkpointsOf, dumpOf, proofFrom } from '../trail.ts';
import { exitCodes, Failure } from './failure.ts';
import { openOperator, say } from './operator.ts';
import { type Format, jsonOption, print, remark } from './output.ts';

/** What shows that the trail is as it was: an export, its verification, and the proof that one entry is in it. */

const databaseUrl = (): string => readLocal(['databaseUrl']).databaseUrl;

/** The system's own trail: what is read is every tenant's. */
const systemTrail = '_';

/** Audit keeps who looks at a trail, and nothing is told before it does. @throws Failure without a broker */
export const sayViewed = async (trail = systemTrail): Promise<void> => {
  await using operator = await openOperator();
  await say(operator, viewed, trail, { actor: 'operator', what: 'audit' });
};

/** @throws Failure where there is no such file */
export const textOf = (path: string): string => {
  if (!existsSync(path)) throw new Failure(`there is no ${path}`);
  return readFileSync(path, 'utf8');
};

/** Of keys that sign what verifies them. */
const publicText = (text: string): string => {
  const keys = z.object({
    keys: z.array(z.object({ kty: z.string(), crv: z.string(), kid: z.string(), x: z.string() })),
  });
  return JSON.stringify(keys.parse(JSON.parse(text)));
};

/** The public keys of a file, or of this system. @throws Failure */
export const keyText = (
  path: string | undefined,
  kind: 'checkpoint' | 'certificate' = 'checkpoint',
): string => {
  const own = fileOf(join(home(), 'keys'), kind);
  if (!path && !existsSync(own))
    throw new Failure(`the keys of a ${kind} are not here; name a file of them with --key`);
  return publicText(textOf(path ?? own));
};

/** Lines of a file, which may be larger than memory. @throws Failure where there is no such file */
async function* linesOf(path: string): AsyncGenerator<string> {
  if (!existsSync(path)) throw new Failure(`there is no ${path}`);
  yield* createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY });
}

/** Those of a file; else those that were appended by this system, with those that its database has since. */
async function* statements(path: string | undefined): AsyncGenerator<string> {
  const log = path ?? checkpointLog();
  if (path || existsSync(log)) yield* linesOf(log);
  if (!path) yield* checkpointsOf(databaseUrl());
}

/** Writes lines to a file for its owner alone; returns how many. */
const writeLines = async (path: string, lines: AsyncIterable<string>): Promise<number> => {
  const file = createWriteStream(path, { mode: 0o600 });
  let count = 0;
  for await (const line of lines) {
    count += 1;
    if (!file.write(`${line}\n`)) await once(file, 'drain');
  }
  file.end();
  await once(file, 'close');
  return count;
};

/** Days that every tenant's entries are kept at least, up to now. */
const keptDays = (): number => {
  const today = Temporal.Now.plainDateISO('UTC');
  const days = packs.flatMap(({ retention }) =>
    retention
      .filter(({ table }) => table === 'audit_entries')
      .map(({ keep }) => today.since(today.subtract(keep)).days),
  );
  return Math.min(...days);
};

const reportText = (report: Report): string => {
  const { entries, batches, checkpoints, pruned, unchained, unsealed, findings, found } = report;
  const beside = [
    ...(pruned > 0 ? [`${pruned} removed by retention`] : []),
    ...(unchained > 0 ? [`${unchained} from before there were chains, which nothing vouches for`] : []),
    ...(unsealed > 0 ? [`${unsealed} since the last checkpoint`] : []),
  ];
  return [
    `${entries} entries in ${batches} batches, ${checkpoints} checkpoints${beside.map((text) => `; ${text}`).join('')}`,
    ...findings.map(({ fault, says }) => `${fault}: ${says}`),
    ...(found > findings.length ? [`and ${found - findings.length} more`] : []),
    found === 0 ? 'the trail is as it was kept' : `${found} findings: this is not the trail that was kept`,
  ].join('\n');
};

interface Files {
  readonly dump?: string;
  readonly checkpoints?: string;
  readonly key?: string;
}

const verifyTrail = async ({ dump, checkpoints, key }: Files): Promise<Report> => {
  const keyOf = keysOf(keyText(key));
  const lines = dump ? linesOf(dump) : dumpOf(databaseUrl());
  return verify({ dump: lines, checkpoints: statements(checkpoints), keyOf, keptDays: keptDays() });
};

/** What `audit proof` writes: all that is needed beside the key. */
export const proven = z.object({ entry: z.unknown(), proof, checkpoint: z.string() });

/** True where an entry is shown to be in the trail that a checkpoint has seen. */
export const isProven = (text: string, key: string): boolean => {
  const { entry, proof: given, checkpoint } = proven.parse(JSON.parse(text));
  const stated = entryOf(entry);
  const seen = checkpointOf(keysOf(key), checkpoint);
  return stated !== undefined && seen !== undefined && proves(given, stated, seen);
};

const exportTo = async (path: string, { checkpoints, key }: Files): Promise<number> => {
  await sayViewed();
  if (key) writeFileSync(key, `${keyText(undefined)}\n`);
  if (checkpoints) await writeLines(checkpoints, statements(undefined));
  return writeLines(path, dumpOf(databaseUrl()));
};

export const checkCommands = (): readonly Command[] => [
  new Command('export')
    .description('every entry with its hashes, for who verifies elsewhere; kept in the trail')
    .requiredOption('--to <file>', 'where the dump is written, a line for each')
    .option('--checkpoints <file>', 'where checkpoints are written, too')
    .option('--key <file>', 'where the public keys are written, too')
    .addOption(jsonOption())
    .action(async ({ to, ...options }: Format & Files & { to: string }) => {
      const lines = await exportTo(to, options);
      print(options, { file: to, lines }, () => `${lines} lines in ${to}`);
    }),
  new Command('verify')
    .description('whether the trail is the one that was kept; exit code 0 only then')
    .option('--dump <file>', 'a dump by `audit export`; else the running system')
    .option('--checkpoints <file>', 'checkpoints, best those that were kept elsewhere')
    .option('--key <file>', 'the public keys (JWK set)')
    .option('--proof <file>', 'verify one entry by what `audit proof` wrote, and nothing else')
    .addOption(jsonOption())
    .action(async (options: Format & Files & { proof?: string }) => {
      if (options.proof) {
        const holds = isProven(textOf(options.proof), keyText(options.key));
        print(options, { holds }, () => (holds ? 'the entry is in the trail' : 'the proof does not hold'));
        if (!holds) process.exitCode = exitCodes.failed;
        return;
      }
      const report = await verifyTrail(options);
      print(options, report, () => reportText(report));
      if (report.found > 0) process.exitCode = exitCodes.failed;
    }),
  new Command('proof')
    .description('that one entry is in the trail, for who may see no other')
    .argument('<entry>', 'run and fact, as run-1/run.answered, or its place, as 2/17')
    .option('--tenant <tenant>', 'tenant of the run, where several have one of that id')
    .action(async (wanted: string, { tenant }: { tenant?: string }) => {
      const found = await proofFrom(databaseUrl(), wanted, tenant);
      if (!found)
        throw new Failure(`no checkpoint takes in an entry ${wanted}; what is new is in one after a second`);
      const text = JSON.stringify(found);
      if (!isProven(text, keyText(undefined)))
        throw new Failure(`what is kept of ${wanted} does not verify: see \`jangada audit verify\``);
      process.stdout.write(`${text}\n`);
      remark(`the proof alone has ${JSON.stringify(found.proof).length} bytes`);
    }),
];
