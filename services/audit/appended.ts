import { type FileHandle, open } from 'node:fs/promises';
import { claimsOf } from '@jangada/verifier/checkpoint.ts';

/** Bytes at the end of a file among which its last checkpoint is; one has less than a thousand. */
const tailBytes = 65_536;

const lineEnd = 0x0a;

/** What is left of the only checkpoint: the beginning of `{"v":1` in base64url, or zeros where the disk had room and no content yet. */
const torn = /^(?:eyJ2Ijox[\w.-]*|e(?:y(?:J(?:2(?:I(?:j(?:o)?)?)?)?)?)?)?\0*$/;

/** Where a file of checkpoints ends. */
interface End {
  /** Of its last checkpoint; -1 where there is none. */
  readonly number: number;
  /** Bytes after it that were none, because whoever wrote them died or had no room, and that are not there any more. */
  readonly cut: number;
}

/**
 * Finds the last checkpoint of a file that they are appended to, which is made where there is none, and cuts off what is no checkpoint
 * after it.
 * @throws Error where the end is another file's, which is left as it is
 */
export const endOf = async (path: string): Promise<End> => {
  await using file = await open(path, 'a+');
  const { size } = await file.stat();
  const from = Math.max(0, size - tailBytes);
  const tail = await read(file, from, size - from);
  for (let end = tail.lastIndexOf(lineEnd); end >= 0; ) {
    const before = end > 0 ? tail.lastIndexOf(lineEnd, end - 1) : -1;
    const number = numberIn(tail.toString('utf8', before + 1, end));
    if (number !== undefined) return { number, cut: await cutTo(file, size, from + end + 1) };
    end = before;
  }
  if (from > 0 || !torn.test(tail.toString()))
    throw new Error('the file of checkpoints ends with something else');
  return { number: -1, cut: await cutTo(file, size, 0) };
};

const read = async (file: FileHandle, position: number, length: number): Promise<Buffer> => {
  const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(length), position });
  return buffer.subarray(0, bytesRead);
};

const numberIn = (line: string): number | undefined => {
  try {
    return claimsOf(line).number;
  } catch {
    return undefined;
  }
};

const cutTo = async (file: FileHandle, size: number, end: number): Promise<number> => {
  if (size > end) await file.truncate(end);
  return size - end;
};
