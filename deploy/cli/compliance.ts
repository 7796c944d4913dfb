import { createWriteStream } from 'node:fs';
import { writePdf } from '@jangada/document/document.ts';
import { viewed } from '@jangada/proto/auth.ts';
import type { Locale } from '@jangada/proto/errors.ts';
import { Command, Option } from 'commander';
import { pagesOf } from '../compliance/pages.ts';
import { type Regime, regimes } from '../compliance/regimes.ts';
import { type Report, reportOf } from '../compliance/report.ts';
import { daysOption } from './days.ts';
import { openOperator, say } from './operator.ts';
import { type Format, jsonOption, print } from './output.ts';

interface Options extends Format {
  readonly tenant: string;
  readonly regime: Regime;
  readonly days: number;
  readonly subject?: string;
  readonly pdf?: string;
  readonly language?: Locale;
}

export const reportText = ({ tenant, regime, register, reads, alerts, subject }: Report): string => {
  const readings = reads.reduce((sum, { count }) => sum + count, 0);
  return [
    `${tenant}, ${regime}: ${register.length} kinds of data, ${readings} readings, ${alerts.length} kinds of alerts`,
    ...(subject
      ? [`${subject.id}: read ${subject.accesses.length} times, ${subject.emergencies.length} emergencies`]
      : []),
    '--json prints it all, --pdf writes it as pages',
  ].join('\n');
};

const report = (): Command =>
  new Command('report')
    .description('what is done with personal data, who read it, consent and retention; audited')
    .requiredOption('--tenant <tenant>', 'whose data')
    .addOption(new Option('--regime <regime>', 'by which law or standard').choices(regimes).default('lgpd'))
    .option('--subject <id>', 'also who read about this person, and what they agreed to')
    .option('--pdf <file>', 'write it there as PDF')
    .addOption(
      new Option('--language <language>', 'of the PDF; that of the tenant without it').choices([
        'pt-BR',
        'en',
      ]),
    )
    .addOption(daysOption(365))
    .addOption(jsonOption())
    .action(async (options: Options) => {
      const { tenant, pdf, language } = options;
      await using operator = await openOperator();
      const made = await reportOf(options, new Date());
      // Nobody gets to see it whom audit does not know of.
      await say(operator, viewed, tenant, { actor: 'operator', what: 'report' });
      if (pdf !== undefined) await writePdf(pagesOf(made, language), createWriteStream(pdf, { mode: 0o600 }));
      print(options, made, () => reportText(made));
    });

export const complianceCommand = (): Command =>
  new Command('compliance').description('reports for whoever answers for data').addCommand(report());
