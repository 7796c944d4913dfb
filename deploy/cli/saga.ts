import { changed } from '@jangada/proto/booking.ts';
import { headers } from '@jangada/proto/envelope.ts';
import { type Body, filterOf, partsOf, streamOf, token } from '@jangada/proto/message.ts';
import { followed } from '@jangada/proto/saga.ts';
import type { StoredMsg } from '@nats-io/jetstream';
import { Command } from 'commander';
import { Failure } from './failure.ts';
import { openOperator } from './operator.ts';
import { type Format, jsonOption, moment, print, table } from './output.ts';

/** One thing that happened to a booking, or followed from it. */
interface Line {
  readonly sequence: number;
  readonly at: string;
  readonly tenant: string;
  readonly what: string;
  /** The version of the booking that it is, or that it follows from. */
  readonly version: number;
  readonly outcome?: string;
}

const happened = (raw: StoredMsg): Line => {
  const { type, version, at } = raw.json<Body<typeof changed>>();
  const tenant = partsOf(changed, raw.subject)?.tenant ?? '';
  return { sequence: raw.seq, at, tenant, what: type, version };
};

const follows = (raw: StoredMsg): Line => {
  const body = raw.json<Body<typeof followed>>();
  const tenant = partsOf(followed, raw.subject)?.tenant ?? '';
  const common = { sequence: raw.seq, at: body.at, tenant, version: body.of };
  return body.type === 'StepTaken'
    ? { ...common, what: body.step, outcome: body.outcome }
    : { ...common, what: body.type, outcome: body.reason };
};

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
        const read = async (filter: string, line: (raw: StoredMsg) => Line): Promise<Line[]> => {
          const subject = filter.replace(/\*$/, id);
          const found: Line[] = [];
          for (let seq = 1; ; ) {
            const query = { seq, next_by_subj: subject };
            const raw = await operator.jsm.direct.getMessage(streamOf.event, query);
            if (!raw) return found;
            seq = raw.seq + 1;
            // What no service said is no event; the broker stores its acknowledgements wherever a reply subject points.
            if (raw.header.has(headers.schema)) found.push(line(raw));
          }
        };
        const lines = [
          ...(await read(filterOf(changed), happened)),
          ...(await read(filterOf(followed), follows)),
        ].sort((one, other) => one.sequence - other.sequence);
        if (lines.length === 0) throw new Failure(`there is no booking ${id}`);
        print(format, lines, () =>
          table(
            ['at (UTC)', 'what', 'of version', 'outcome'],
            lines.map(({ at, what, version, outcome }) => [moment(at), what, version, outcome]),
          ),
        );
      }),
  );
