import { enforceEvents, transformChunks, transformHttpEventStream, verifyEvents } from '@ag-ui/client';
import type { Event } from '@ag-ui/core';
import * as older from 'ag-ui-client-0';
import { from, lastValueFrom, type Observable, toArray } from 'rxjs';

/**
 * What the genuine client of either generation takes of server-sent events, by all that it does with them before it
 * believes them. @throws Error where it refuses one
 */
export const taken = async (text: string, legacy: boolean): Promise<Event[]> => {
  async function* response() {
    yield { type: 'headers', status: 200, headers: new Headers({ 'content-type': 'text/event-stream' }) };
    yield { type: 'data', data: new TextEncoder().encode(text) };
  }
  const client = legacy ? older : { transformHttpEventStream, transformChunks, verifyEvents };
  const read = client.transformHttpEventStream(from(response()) as never) as Observable<never>;
  const enforced = legacy ? read : read.pipe(enforceEvents() as never);
  const verified = enforced.pipe(client.transformChunks() as never, client.verifyEvents() as never);
  return lastValueFrom((verified as Observable<Event>).pipe(toArray()));
};

/** The events of a body in AG-UI's protobuf. */
export const unpacked = (bytes: Uint8Array, type: string): Promise<Event[]> => {
  async function* response() {
    yield { type: 'headers', status: 200, headers: new Headers({ 'content-type': type }) };
    yield { type: 'data', data: bytes };
  }
  const read = transformHttpEventStream(from(response()) as never) as Observable<Event>;
  return lastValueFrom(read.pipe(toArray()));
};
