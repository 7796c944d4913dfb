import { storyOf } from '@jangada/bookings/story.ts';
import { token } from '@jangada/proto/message.ts';
import { Command } from 'commander';
import { Failure } from './failure.ts';
import { openOperator } from './operator.ts';
import { type Format, jsonOption, moment, print, table } from './output.ts';

/** `saga show`: what became of a booking and what followed from it, without saying of whom and when it is. */
export const sagaCommand = (): Command =>
  new Command('saga').description('what follows from bookings').addCommand(
    new Command('show')
      .description('tell what happened to a booking, and each step that followed')
      .argument('<appointmentId>', 'as the command that made it was answered')
      .addOption(jsonOption())
      .action(async (id: string, format: Format) => {
        if (!token.test(id)) throw new Failure(`${id} is no id of a booking`);
        await using operator = await openOperator();
        const lines = await storyOf(operator.nc, { tenant: '*', id });
        if (lines.length === 0) throw new Failure(`there is no booking ${id}`);
        print(format, lines, () =>
          table(
            ['at (UTC)', 'what', 'of version', 'outcome'],
            lines.map(({ at, what, version, outcome }) => [moment(at), what, version, outcome]),
          ),
        );
      }),
  );
