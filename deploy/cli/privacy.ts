import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { headers } from '@jangada/proto/envelope.ts';
import { subjectOf } from '@jangada/proto/message.ts';
import { look, requestTypes } from '@jangada/proto/privacy.ts';
import { connect } from '@jangada/store/store.ts';
import type { Recipient } from '@jangada/store/tables.ts';
import { certificateOf, shown } from '@jangada/verifier/certificate.ts';
import { keysOf } from '@jangada/verifier/checkpoint.ts';
import { jetstream } from '@nats-io/jetstream';
import { headers as newHeaders } from '@nats-io/transport-node';
import { Argument, Command } from 'commander';
import { erasure, listErasures, replayErasures } from '../erasures.ts';
import { readLocal } from '../local.ts';
import { operatorVault } from '../vault.ts';
import { accountOf, readAccounts } from './accounts.ts';
import { keyText, textOf } from './audit-check.ts';
import { iso, type Moment, rowsOf } from './database.ts';
import { exitCodes, Failure } from './failure.ts';
import { openOperator } from './operator.ts';
import { type Format, jsonOption, moment, print, table } from './output.ts';
import { tokenOf } from './pick.ts';
import { post, refusalOf, signIn } from './sign-in.ts';

/** What people ask about their own data: opened and reviewed as somebody who signs in, looked after as the operator. */

interface As extends Format {
  readonly as: string;
}

interface Shown {
  readonly tenant: string;
  readonly request: string;
  readonly type: string;
  readonly state: string;
  readonly openedAt: Moment;
  readonly deadlineAt: Moment;
  readonly partial: readonly string[];
  readonly receipts: readonly Readonly<Record<string, string | number>>[];
  readonly certificate: unknown;
  readonly approved: boolean | null;
  readonly reviewBasis: string | null;
  readonly recipients: readonly Recipient[];
}

const asOption = ['--as <alias>', 'the demo account that asks', 'admin'] as const;

const say = async (alias: string, path: string, body: object): Promise<Record<string, unknown>> => {
  const { edgeUrl } = readLocal(['edgeUrl']);
  const token = await signIn(edgeUrl, accountOf(readAccounts(), alias));
  const response = await post(`${edgeUrl}${path}`, body, { authorization: `Bearer ${await token()}` });
  if (response.ok) return (await response.json()) as Record<string, unknown>;
  const { code, message } = await refusalOf(response);
  throw new Failure(`${message} (${code})`);
};

const open = (): Command =>
  new Command('open')
    .description('open a request, about oneself or about who showed a document')
    .addArgument(new Argument('<type>').choices(requestTypes))
    .option(...asOption)
    .option('--subject <id>', 'whom it is about')
    .option('--correct <field=value...>', 'what is right instead')
    .addOption(jsonOption())
    .action(async (type: string, options: As & { subject?: string; correct?: readonly string[] }) => {
      const pairs = (options.correct ?? []).map((pair) => pair.split(/=(.*)/s).slice(0, 2));
      const opened = await say(options.as, '/v1/privacy/requests', {
        type,
        ...(options.subject ? { subjectId: options.subject } : {}),
        ...(pairs.length > 0 ? { corrections: Object.fromEntries(pairs) } : {}),
      });
      print(options, opened, () =>
        [
          `opened ${opened['requestId']}`,
          `its outcome, once, within 72 hours of its delivery: npx jangada privacy deliver ${opened['delivery']} --as ${options.as}`,
        ].join('\n'),
      );
    });

const approve = (): Command =>
  new Command('approve')
    .description('approve, or with --no refuse, what waits for a review')
    .argument('<request>')
    .requiredOption('--basis <text>', 'by what law or for what reason; whoever asked is told it')
    .option(...asOption)
    .option('--no', 'refuse it')
    .addOption(jsonOption())
    .action(async (request: string, options: As & { basis: string; no?: true }) => {
      const approved = !options.no;
      const path = `/v1/privacy/requests/${tokenOf(request)}/review`;
      await say(options.as, path, { approved, basis: options.basis });
      print(options, { request, approved }, () => `${approved ? 'approved' : 'refused'} ${request}`);
    });

const told = (): Command =>
  new Command('told')
    .description('say that somebody whom data were passed on to was told that they are gone or corrected')
    .argument('<request>')
    .argument('<recipient>', 'as `show` names them')
    .option(...asOption)
    .addOption(jsonOption())
    .action(async (request: string, recipient: string, options: As) => {
      const path = `/v1/privacy/requests/${tokenOf(request)}/recipients/${tokenOf(recipient)}`;
      await say(options.as, path, {});
      print(options, { request, recipient }, () => `${recipient} was told`);
    });

const deliver = (): Command =>
  new Command('deliver')
    .description('fetch the outcome of a request, which can be done once')
    .argument('<link>')
    .option(...asOption)
    .option('--to <file>', 'where to write it', 'privacy.zip')
    .addOption(jsonOption())
    .action(async (link: string, options: As & { to: string }) => {
      const { edgeUrl } = readLocal(['edgeUrl']);
      const token = await signIn(edgeUrl, accountOf(readAccounts(), options.as));
      const response = await fetch(new URL(link, edgeUrl), {
        headers: { authorization: `Bearer ${await token()}` },
      });
      if (!response.ok) {
        const { code, message } = await refusalOf(response);
        throw new Failure(`${message} (${code})`);
      }
      writeFileSync(options.to, Buffer.from(await response.arrayBuffer()), { mode: 0o600 });
      print(options, { file: options.to }, () => `wrote ${options.to}`);
    });

/** Requests of a tenant or of all, or the one that is named; whom they are about is not shown. */
const requestsOf = (of: { tenant?: string; request?: string }): Promise<Shown[]> =>
  rowsOf<Shown & Record<string, unknown>>(
    `select tenant_id as tenant, id as request, type, state, at as "openedAt", deadline_at as "deadlineAt", partial,
       receipts, certificate, recipients, approved, review_basis as "reviewBasis"
     from privacy_requests where ($1::text is null or tenant_id = $1) and ($2::text is null or id = $2)
     order by at desc limit 200`,
    [of.tenant ?? null, of.request ?? null],
  );

const list = (): Command =>
  new Command('list')
    .description('requests, and until when they must be answered')
    .option('--tenant <tenant>', 'whose')
    .addOption(jsonOption())
    .action(async (options: Format & { tenant?: string }) => {
      const found = await requestsOf(options);
      print(
        options,
        found.map(({ receipts: _receipts, certificate: _certificate, ...one }) => one),
        () =>
          table(
            ['tenant', 'request', 'type', 'state', 'opened', 'until', 'partial'],
            found.map((one) => [
              ...[one.tenant, one.request, one.type, one.state],
              ...[moment(iso(one.openedAt)), moment(iso(one.deadlineAt)), one.partial.join(' ')],
            ]),
          ),
      );
    });

const counts = ['found', 'told', 'deleted', 'anonymised', 'changed', 'kept', 'basis', 'until'] as const;

const show = (): Command =>
  new Command('show')
    .description('what was found for a request, what became of it, and its certificate')
    .argument('<request>')
    .addOption(jsonOption())
    .action(async (request: string, options: Format) => {
      const [one] = await requestsOf({ request });
      if (!one) throw new Failure(`there is no request ${request}`);
      print(options, one, () =>
        [
          `${one.type} · ${one.state} · to be answered until ${moment(iso(one.deadlineAt))} (UTC)`,
          '',
          table(
            ['table', ...counts],
            one.receipts.map((receipt) => [receipt['table'], ...counts.map((name) => receipt[name])]),
          ),
          ...(one.reviewBasis ? [`${one.approved ? 'approved' : 'refused'}: ${one.reviewBasis}`] : []),
          ...one.recipients.map((recipient) => recipientLine(request, recipient)),
        ].join('\n'),
      );
    });

const recipientLine = (request: string, { name, told, notice }: Recipient): string => {
  if (told) return `${name} was told ${moment(told.at)} (UTC)${told.classes ? ', and confirmed it' : ''}`;
  const tried = notice ? ` (by webhook ${moment(notice.at)} (UTC): ${notice.outcome})` : '';
  return `${name} has to be told${tried}; then: npx jangada privacy told ${request} ${name}`;
};

const run = (): Command =>
  new Command('run')
    .description('take the open requests of a tenant as far as they come, now')
    .requiredOption('--tenant <tenant>', 'whose')
    .addOption(jsonOption())
    .action(async (options: Format & { tenant: string }) => {
      const subject = subjectOf(look, tokenOf(options.tenant), '');
      await using operator = await openOperator();
      const sent = newHeaders();
      sent.set(headers.schema, String(look.version));
      sent.set(headers.messageId, randomUUID());
      const js = jetstream(operator.nc, { timeout: 2_000 });
      const { seq } = await js.publish(subject, JSON.stringify({ staleAfterSeconds: 60 }), { headers: sent });
      print(options, { subject, sequence: seq }, () => `published ${subject}`);
    });

const openOwnStore = () =>
  connect('operator', { DATABASE_URL: readLocal(['databaseUrl']).databaseUrl, DATABASE_POOL_SIZE: 1 });

const ledger = (): Command =>
  new Command('ledger')
    .description('every erasure, a line of JSON each; to be kept beside the backups')
    .action(async () => {
      await using store = openOwnStore();
      for (const one of await listErasures(store)) process.stdout.write(`${JSON.stringify(one)}\n`);
    });

const replay = (): Command =>
  new Command('replay')
    .description('erase again, after a backup was restored, whom a ledger says were erased')
    .argument('<file>', 'what `ledger` printed last')
    .addOption(jsonOption())
    .action(async (file: string, options: Format) => {
      const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
      const erasures = lines.map((line) => erasure.parse(JSON.parse(line)));
      await using store = openOwnStore();
      const found = await replayErasures(store, await operatorVault(), erasures);
      print(options, { erasures: erasures.length, found }, () =>
        [`${found} of ${erasures.length} are in this database and will be erased again`].join('\n'),
      );
    });

const certificate = (): Command =>
  new Command('certificate')
    .description('what came of a request, signed, for who asked or oversees')
    .argument('<request>')
    .action(async (request: string) => {
      const [one] = await requestsOf({ request });
      if (!one?.certificate) throw new Failure(`there is no certificate of ${request} yet`);
      process.stdout.write(`${JSON.stringify(one.certificate, null, 2)}\n`);
    });

const verify = (): Command =>
  new Command('verify')
    .description('a certificate, without a system; exit code 0 only where it is signed as it stands')
    .argument('<file>', 'what `certificate` printed, or certificate.json of a delivery')
    .option('--key <file>', 'the public keys of certificates (JWK set)')
    .addOption(jsonOption())
    .action((file: string, options: Format & { key?: string }) => {
      const { data: given } = shown.safeParse(JSON.parse(textOf(file)));
      const said = given && certificateOf(keysOf(keyText(options.key, 'certificate')), given);
      print(options, { holds: said !== undefined, certificate: said ?? null }, () =>
        said
          ? [
              `${said.type} ${said.request} of ${said.tenant}, as it was signed`,
              table(
                ['table', ...counts],
                said.receipts.map((receipt) => [
                  receipt.table,
                  ...counts.map((name) => cellOf(receipt[name])),
                ]),
              ),
            ].join('\n')
          : 'this is not what was signed',
      );
      if (!said) process.exitCode = exitCodes.failed;
    });

const cellOf = (value: unknown): string | number | undefined =>
  typeof value === 'string' || typeof value === 'number' ? value : undefined;

export const privacyCommand = (): Command =>
  [
    open(),
    approve(),
    told(),
    deliver(),
    list(),
    show(),
    certificate(),
    verify(),
    run(),
    ledger(),
    replay(),
  ].reduce(
    (group, command) => group.addCommand(command),
    new Command('privacy').description('what people ask about their own data'),
  );
