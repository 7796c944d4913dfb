import type { RawData } from 'ws';
import { frameMaxBytes } from './bounds.ts';
import { Refusal } from './refusal.ts';
import { readJson } from './shape.ts';

/**
 * Watches the bytes of a WebSocket for a message that is begun and never ended (RFC 6455 §5.2 for the layout). The
 * library tells of whole messages only, and pings between two fragments must not make a stalled one look alive.
 */
export interface FrameWatch {
  read(bytes: Uint8Array): void;
  /** When the oldest thing that is not whole yet began, in ms since 1970; undefined between messages. */
  unfinishedSince(): number | undefined;
}

const continuation = 0;
const firstControl = 8;
const maskBytes = 4;

export const watchFrames = (now: () => number = Date.now): FrameWatch => {
  /** Bytes of the header that is being read. */
  let header: number[] = [];
  /** Payload still to come of the frame whose header was read. */
  let payload = 0;
  let frameSince: number | undefined;
  let messageSince: number | undefined;

  const beginFrame = (): void => {
    frameSince = now();
    const opcode = (header[0] ?? 0) & 0x0f;
    if (opcode < firstControl && opcode !== continuation) messageSince = frameSince;
  };
  const endFrame = (): void => {
    const first = header[0] ?? 0;
    if ((first & 0x0f) < firstControl && first & 0x80) messageSince = undefined;
    frameSince = undefined;
    header = [];
  };

  return {
    read: (bytes) => {
      let at = 0;
      while (at < bytes.length) {
        if (payload > 0) {
          const taken = Math.min(payload, bytes.length - at);
          payload -= taken;
          at += taken;
          if (payload === 0) endFrame();
          continue;
        }
        header.push(bytes[at++] ?? 0);
        if (header.length === 1) beginFrame();
        const whole = lengthOf(header);
        if (whole === undefined) continue;
        payload = whole;
        if (payload === 0) endFrame();
      }
    },
    unfinishedSince: () => messageSince ?? frameSince,
  };
};

/** The payload's length once the header is whole, its mask included; undefined before. */
const lengthOf = (header: readonly number[]): number | undefined => {
  const [, second] = header;
  if (second === undefined) return undefined;
  const short = second & 0x7f;
  const extended = short === 126 ? 2 : short === 127 ? 8 : 0;
  if (header.length < 2 + extended + (second & 0x80 ? maskBytes : 0)) return undefined;
  if (extended === 0) return short;
  return header.slice(2, 2 + extended).reduce((sum, byte) => sum * 256 + byte, 0);
};

/** Bytes of a whole message. */
export const sizeOf = (data: RawData): number =>
  Array.isArray(data) ? data.reduce((sum, { length }) => sum + length, 0) : data.byteLength;

/** What a whole message says. @throws Refusal PAYLOAD_TOO_LARGE, INVALID_MESSAGE, INPUT_INVALID */
export const readFrame = (data: RawData, isBinary: boolean): unknown => {
  if (sizeOf(data) > frameMaxBytes) throw new Refusal('PAYLOAD_TOO_LARGE');
  if (isBinary) throw new Refusal('INVALID_MESSAGE');
  const bytes = Array.isArray(data) ? Buffer.concat(data) : new Uint8Array(data);
  return readJson(bytes, 'INVALID_MESSAGE');
};
