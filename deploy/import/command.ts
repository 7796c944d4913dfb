import { Command, InvalidArgumentError, Option } from 'commander';
import { type Format, jsonOption, print, table } from '../cli/output.ts';
import { readLocal } from '../local.ts';
import { operatorVault } from '../vault.ts';
import { printProgress } from './progress.ts';
import { type ImportOptions, type ImportReport, importSynthea } from './synthea.ts';

const notes = `
Imports patients, providers, organizations, encounters, claims with their transactions, and what is on
record: conditions, procedures, care plans, allergies, immunizations, medications and observations.
Doing it again changes nothing; rows that left the files are not deleted.

  * A row that cannot be read is reported as file:line, column and reason, and skipped.
  * A client counts as created on the day of birth, at 00:00 UTC: the files do not say since when.
  * A day without a time begins at 00:00 UTC. Durations are rounded to minutes.
  * A line of an account is paid when nothing is outstanding or its claim is closed, open when something is
    outstanding, and settled when neither is known.`;

/** `import synthea <dir> --tenant <t>`, for the command line to mount. It says whom to tell of changed data. */
export function importCommand(onChanged: ImportOptions['onChanged']): Command {
  const synthea = new Command('synthea')
    .description('import a Synthea CSV export')
    .argument('<dir>', 'folder of the CSV files')
    .requiredOption('--tenant <tenant>', 'into this tenant; made when it does not exist', tenantId)
    .option('--time-zone <zone>', 'of a tenant that is made', timeZone, 'UTC')
    .addOption(
      new Option('--locale <locale>', 'of a tenant that is made').choices(['en', 'pt-BR']).default('en'),
    )
    .addOption(new Option('--pack <pack>', 'of a tenant that is made').choices([pack]).default(pack))
    .addOption(jsonOption())
    .addHelpText('after', notes)
    .action(async (dir: string, options: Options) => {
      const report = await importSynthea({
        ...options,
        dir,
        databaseUrl: readLocal(['databaseUrl']).databaseUrl,
        vault: await operatorVault(),
        progress: printProgress(process.stderr),
        onChanged,
      });
      print(options, report, () => summary(report));
    });
  return new Command('import').description('bring data in').addCommand(synthea);
}

type Options = Required<Pick<ImportOptions, 'tenant' | 'timeZone' | 'locale' | 'pack'>> & Format;

const pack = 'aesthetic-clinic' satisfies ImportOptions['pack'];

function tenantId(text: string): string {
  if (!/^[a-z0-9-]{2,26}$/.test(text)) {
    throw new InvalidArgumentError('Use 2 to 26 small letters, digits and hyphens.');
  }
  return text;
}

function timeZone(text: string): string {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone;
  } catch {
    throw new InvalidArgumentError('Use a name such as America/Sao_Paulo.');
  }
}

function summary({ tenant, files }: ImportReport): string {
  const figures = ['rows', 'imported', 'changed', 'skipped'] as const;
  const lines = files.map((file) => [
    file.file,
    file.state === 'imported' ? (file.table ?? 'for billing') : file.state,
    ...figures.map((figure) => file[figure]),
  ]);
  const totals = figures.map((figure) => files.reduce((sum, file) => sum + file[figure], 0));
  return [
    table(
      ['File', 'Table', 'Rows', 'Imported', 'New or changed', 'Skipped'],
      [...lines, ['', 'total', ...totals]],
    ),
    tenant.created ? `Tenant ${tenant.id} was made.` : `Tenant ${tenant.id} existed; its settings stay.`,
  ].join('\n');
}
