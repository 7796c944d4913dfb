import { createHash } from 'node:crypto';
import { treeOf } from '@jangada/merkle/tree.ts';
import type { Body } from '@jangada/proto/message.ts';
import { planned, type swept } from '@jangada/proto/retention.ts';
import {
  isListed,
  isOfRow,
  type Listing,
  listing,
  listingOf,
  mismatchOf,
} from '@jangada/verifier/removal.ts';
import { Command } from 'commander';
import { z } from 'zod';
import { readLocal } from '../local.ts';
import { proofFrom } from '../trail.ts';
import { isProven, keyText, proven, textOf } from './audit-check.ts';
import { rowsOf } from './database.ts';
import { exitCodes, Failure } from './failure.ts';
import { type Format, jsonOption, print, remark } from './output.ts';
import { tokenOf } from './pick.ts';

/** What shows that a removal was as it was told: its report held against its list, and the proof that one row was in it. */

const leavesOf = async (tenant: string, run: string, name: string): Promise<readonly Buffer[]> => {
  const items = await rowsOf<{ leaf: Buffer }>(
    'select leaf from retention_items where (tenant_id, tick, class) = ($1, $2, $3) order by n',
    [tenant, run, name],
  );
  return items.map(({ leaf }) => leaf);
};

/** @throws Failure REPORT_MISMATCH where a report does not balance, or is about another list than is kept */
export const assertReport = async (
  tenant: string,
  run: string,
  { rules }: Pick<Body<typeof swept>, 'rules'>,
): Promise<void> => {
  for (const line of rules) {
    const listed = line.root === undefined ? undefined : treeOf(await leavesOf(tenant, run, line.class));
    const mismatch = mismatchOf(line, listed);
    if (mismatch)
      throw new Failure(`the report of ${run} is not to be believed: ${mismatch} (REPORT_MISMATCH)`);
  }
};

interface Item {
  readonly tenant: string;
  readonly class: string;
  readonly policy: string;
  readonly key: string[];
  readonly index: number;
  readonly outcome: string | null;
}

interface Wanted {
  readonly tenant?: string;
  readonly class?: string;
}

/** @throws Failure when none or several are meant */
const itemOf = async (run: string, id: string, of: Wanted): Promise<Item> => {
  const found = await rowsOf<Item>(
    `select i.tenant_id as tenant, i.class, p.policy, i.key, i.n as index, i.outcome
     from retention_items i join retention_plans p using (tenant_id, tick, class)
     where i.tick = $1 and array_to_string(i.key, '/') = $2 and ($3::text is null or i.tenant_id = $3)
       and ($4::text is null or i.class = $4) limit 2`,
    [run, id, of.tenant ?? null, of.class ?? null],
  );
  const [item] = found;
  if (!item) throw new Failure(`the run ${run} listed no ${id}; see \`npx jangada retention plan\``);
  if (found.length > 1) throw new Failure(`several are called ${id}; say --tenant and --class`);
  return item;
};

/** What `retention proof` writes: with the trail's own proof of the root, where a checkpoint takes it in. */
const shown = z.strictObject({ listing, outcome: z.string().nullable(), told: proven.optional() });

const told = z.object({ subject: z.string(), fact: z.literal(planned.name), details: planned.body });

/** True where the trail's entry says this root of this class. */
const isTold = ({ run, class: name, root }: Listing, entry: unknown): boolean => {
  const { data } = told.safeParse(entry);
  const plan = data?.details.plans.find((one) => one.class === name);
  return data?.subject === run && plan?.root === root;
};

export const proof = (): Command =>
  new Command('proof')
    .description('that one row was listed by a run before anything was removed, for who may see no other')
    .argument('<run>', 'the tick of the run; see `retention report`')
    .argument('<id>', 'the key of the row, its parts joined by /')
    .option('--tenant <tenant>', 'whose, where several have one of that name')
    .option('--class <class>', 'of which class, where several have one of that name')
    .action(async (run: string, id: string, of: Wanted) => {
      const { outcome, index, ...item } = await itemOf(tokenOf(run), id, of);
      const own = listingOf({ ...item, run, index }, await leavesOf(item.tenant, run, item.class));
      const trail = await proofFrom(
        readLocal(['databaseUrl']).databaseUrl,
        `${run}/${planned.name}`,
        item.tenant,
      );
      if (!trail) remark('no checkpoint takes in what was told of this run, so the proof stands alone');
      process.stdout.write(
        `${JSON.stringify({ listing: own, outcome, ...(trail ? { told: trail } : {}) })}\n`,
      );
    });

export const verify = (): Command =>
  new Command('verify')
    .description('what `retention proof` wrote, without a system; exit code 0 only where it holds')
    .argument('<file>')
    .option('--key <file>', 'the public keys of checkpoints (JWK set)')
    .option('--row <file>', 'the row as PostgreSQL writes it, to show that it is this one')
    .addOption(jsonOption())
    .action((file: string, options: Format & { key?: string; row?: string }) => {
      const { listing: own, told: trail } = shown.parse(JSON.parse(textOf(file)));
      const row = options.row && createHash('sha256').update(textOf(options.row).trimEnd()).digest();
      const holds =
        isListed(own) &&
        (!trail || (isTold(own, trail.entry) && isProven(JSON.stringify(trail), keyText(options.key)))) &&
        (!row || isOfRow(own, row));
      print(options, { holds, isTold: trail !== undefined, isOfRow: row !== undefined }, () =>
        holds
          ? `${own.key.join('/')} was listed by ${own.run} among ${own.count} of ${own.class}${trail ? ', and audit was told so before it was removed' : '; the trail is not shown'}`
          : 'the proof does not hold',
      );
      if (!holds) process.exitCode = exitCodes.failed;
    });
