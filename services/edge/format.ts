import { AGUI_MEDIA_TYPE, EventEncoder } from '@ag-ui/encoder';
import type { Peer, Placed } from './agui.ts';

/** How the events of a run are written over HTTP. */
export interface Format {
  /** The content type, to the letter: clients compare all of it. */
  readonly type: string;
  /** Whether something may stand between events that is none. */
  readonly comments: boolean;
  /** The events of one reply, as one piece for the wire. */
  encode(name: string, events: readonly Placed[]): string | Uint8Array;
}

const encoder = new EventEncoder({ accept: AGUI_MEDIA_TYPE });

/** Server-sent events, each that has a place with the id that a client resumes from. */
export const text = {
  type: 'text/event-stream',
  comments: true,
  encode: (name: string, events: readonly Placed[]): string =>
    events
      .map(
        ({ seq, event }) => `${seq === undefined ? '' : `id: ${name}:${seq}\n`}${encoder.encodeSSE(event)}`,
      )
      .join(''),
} satisfies Format;

/** Length-prefixed protobuf messages. It has no ids: a client counts the events it has read. */
const binary: Format = {
  type: AGUI_MEDIA_TYPE,
  comments: false,
  encode: (_name, events) => Buffer.concat(events.map(({ event }) => encoder.encodeProtobuf(event))),
};

/**
 * The form in which a client gets a run. Binary is for who names it: many say that they take every type and read only
 * text. Clients before 1.0 misread it.
 */
export const formatOf = (accept: string | undefined, { legacy }: Peer): Format => {
  const weights = new Map(accept?.split(',').map(weighed));
  const weight = weights.get(binary.type) ?? 0;
  return !legacy && weight > 0 && weight >= (weights.get(text.type) ?? 0) ? binary : text;
};

/** A media range of `Accept` and its weight (RFC 9110 §12.5.1). */
const weighed = (range: string): [type: string, weight: number] => {
  const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
  const weight = parameters.find((parameter) => parameter.startsWith('q='));
  return [type, weight === undefined ? 1 : Number(weight.slice('q='.length))];
};
