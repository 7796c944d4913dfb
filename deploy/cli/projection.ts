import { readConfig } from '@jangada/config/config.ts';
import { streamOf } from '@jangada/proto/message.ts';
import { connect } from '@jangada/store/store.ts';
import { Command } from 'commander';
import { contract } from '../../services/projection/contract.ts';
import { readLocal } from '../local.ts';
import { type Rebuilt, rebuild } from '../projection.ts';
import { operatorVault } from '../vault.ts';
import { iso, type Moment, rowsOf } from './database.ts';
import { exitCodes, Failure } from './failure.ts';
import { openOperator } from './operator.ts';
import { type Format, jsonOption, print, table } from './output.ts';

interface Position {
  readonly tenant: string;
  readonly name: string;
  readonly sequence: number;
  readonly event_at: Moment;
  readonly taken_at: Moment;
}

const positions = (): Promise<Position[]> =>
  rowsOf<Position>(
    'select tenant_id as tenant, name, sequence::int, event_at, taken_at from projections order by 1, 2',
    [],
  );

const status = (): Command =>
  new Command('status')
    .description('how far tables that follow from events have come')
    .addOption(jsonOption())
    .action(async (options: Format) => {
      await using operator = await openOperator();
      const { num_pending: waiting, num_ack_pending: inHand } = await operator.jsm.consumers.info(
        streamOf.event,
        contract.name,
      );
      const { state } = await operator.jsm.streams.info(streamOf.event);
      const rows = (await positions()).map(({ event_at, taken_at, ...row }) => ({
        ...row,
        eventAt: iso(event_at),
        takenAt: iso(taken_at),
      }));
      const pending = waiting + inHand;
      print(options, { last: state.last_seq, pending, projections: rows }, () =>
        [
          table(
            ['tenant', 'projection', 'position', 'of', 'taken in'],
            rows.map((row) => [row.tenant, row.name, row.sequence, row.eventAt, row.takenAt]),
          ),
          `${pending} events wait; the last is ${state.last_seq}`,
        ].join('\n'),
      );
    });

const rebuildCommand = (): Command =>
  new Command('rebuild')
    .description('make them anew from the events, and compare')
    .option('--tenant <tenant>', 'of this tenant alone')
    .addOption(jsonOption())
    .action(async (options: Format & { readonly tenant?: string }) => {
      const { DATABASE_TENANT_URLS: apart } = readConfig(['DATABASE_TENANT_URLS']);
      // In the shared database there is nothing of it, and nothing compared with nothing is identical.
      if (options.tenant !== undefined && apart[options.tenant] !== undefined)
        throw new Failure(
          `${options.tenant} has a database of its own (DATABASE_TENANT_URLS), which this command does not reach`,
        );
      await using operator = await openOperator();
      await using store = connect('operator', {
        DATABASE_URL: readLocal(['databaseUrl']).databaseUrl,
        DATABASE_POOL_SIZE: 1,
      });
      const vault = await operatorVault();
      const tenants = options.tenant ? [options.tenant] : (await positions()).map(({ tenant }) => tenant);
      const done: Rebuilt[] = [];
      for (const tenant of tenants) done.push(await rebuild({ store, jsm: operator.jsm, vault }, tenant));
      if (done.some(({ before, after }) => before !== after)) process.exitCode = exitCodes.failed;
      print(options, done, () =>
        table(
          ['tenant', 'events', 'before', 'after', ''],
          done.map((one) => [
            ...[one.tenant, one.events, one.before, one.after],
            one.before === one.after ? 'identical' : 'DIFFERENT',
          ]),
        ),
      );
    });

export const projectionCommand = (): Command =>
  new Command('projection')
    .description('tables that follow from events')
    .addCommand(status())
    .addCommand(rebuildCommand());
