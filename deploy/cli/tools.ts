import type { Pack } from '@jangada/packs/pack.ts';
import { packs } from '@jangada/packs/registry.ts';
import { Command } from 'commander';
import { z } from 'zod';
import { type Format, jsonOption, print, table } from './output.ts';

/** One tool, and the rows that it sees to. */
export interface ListedTool {
  readonly tool: string;
  readonly pack: string;
  readonly source: string;
  readonly kind: 'lookup' | 'judgement';
  readonly says: string;
  /** JSON Schema of what it is called with. */
  readonly input: unknown;
}

export const toolsOf = (of: readonly Pack[]): ListedTool[] =>
  of.flatMap((pack) =>
    Object.entries(pack.sources).flatMap(([source, { tools = [] }]) =>
      tools.map(({ name, kind, says, input }) => ({
        ...{ tool: name, pack: pack.name, source, kind, says },
        input: z.toJSONSchema(input, { io: 'input' }),
      })),
    ),
  );

export const toolsText = (tools: readonly ListedTool[]): string =>
  table(
    ['tool', 'pack', 'source', 'kind', 'does'],
    tools.map(({ tool, pack, source, kind, says }) => [tool, pack, source, kind, says]),
  );

export const toolsCommand = (): Command =>
  new Command('tools').description('what sees to rows before they are told').addCommand(
    new Command('list')
      .description('every tool, and what it is called with')
      .addOption(jsonOption())
      .action((format: Format) => {
        const tools = toolsOf(packs);
        print(format, tools, () => toolsText(tools));
      }),
  );
