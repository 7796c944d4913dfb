import { inflateSync } from 'node:zlib';

/**
 * What stands on each page of a PDF, a line for each text: texts are hexadecimal within the operators of a page's content, which is
 * deflated.
 */
export const textsOf = (pdf: Uint8Array): string[] =>
  [
    ...Buffer.from(pdf)
      .toString('latin1')
      .matchAll(/stream\r?\n([\s\S]*?)\r?\nendstream/g),
  ].map(([, content = '']) =>
    [
      ...inflateSync(Buffer.from(content, 'latin1'))
        .toString('latin1')
        .matchAll(/\[(.*?)\] TJ/g),
    ]
      .map(([, shown = '']) =>
        [...shown.matchAll(/<([0-9a-f]*)>/g)].map(([, hex = '']) => Buffer.from(hex, 'hex')),
      )
      .map((pieces) => new TextDecoder('windows-1252').decode(Buffer.concat(pieces)))
      .join('\n'),
  );
