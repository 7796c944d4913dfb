import { type Block, blocksOf, type Point } from './blocks.ts';
import { useLanguage } from './language.ts';
import { Table } from './table.tsx';

/** The text of an answer, with lists, tables and charts where it has them. */
export const Answer = ({ text }: { text: string }) => (
  <>
    {/* What is told only grows, so a place is as good a key as any. */}
    {[...blocksOf(text).entries()].map(([key, block]) => (
      <Piece key={key} of={block} />
    ))}
  </>
);

const Piece = ({ of: block }: { of: Block }) => {
  switch (block.kind) {
    case 'text':
      return <p>{block.text}</p>;
    case 'series':
      return <Series points={block.points} />;
    case 'table':
      return <Rows rows={block.rows} />;
    case 'list':
      return (
        <ul className="bullets">
          {[...block.lines.entries()].map(([at, line]) => (
            <li key={at}>{line}</li>
          ))}
        </ul>
      );
  }
};

const Rows = ({ rows }: { rows: readonly (readonly string[])[] }) => (
  <div className="scroll">
    <table>
      <tbody>
        {[...rows.entries()].map(([at, [first, ...rest]]) => (
          <tr key={at}>
            <th scope="row">{first}</th>
            {[...rest.entries()].map(([column, cell]) => (
              <td key={column}>{cell}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  </div>
);

/** Of the picture, in its own measure. */
const height = 100;
const step = 12;
const gap = 3;

/** Figures of days as bars, and as a table for who wants each of them. */
const Series = ({ points }: { points: readonly Point[] }) => {
  const { words } = useLanguage();
  const w = words.answer;
  const most = points.reduce((best, point) => (point.value > best.value ? point : best));
  const [first, last] = [points[0]?.label ?? '', points.at(-1)?.label ?? ''];
  const heightOf = (value: number): number => (most.value > 0 ? (value / most.value) * height : 0);
  return (
    <figure className="series">
      <svg
        role="img"
        aria-label={w.chart(points.length, most.value, most.label)}
        viewBox={`0 0 ${points.length * step} ${height}`}
        preserveAspectRatio="none"
      >
        {[...points.entries()].map(([at, { label, told, value }]) => (
          <g key={at}>
            <title>{`${label}: ${told}`}</title>
            <rect className="series-room" x={at * step} y="0" width={step} height={height} />
            <rect
              className="series-bar"
              x={at * step + gap / 2}
              y={height - Math.max(heightOf(value), 1)}
              width={step - gap}
              height={Math.max(heightOf(value), 1)}
            />
          </g>
        ))}
      </svg>
      <figcaption className="fine">
        <span>{first}</span>
        <span>{w.most(most.told, most.label)}</span>
        <span>{last}</span>
      </figcaption>
      <details>
        <summary>{w.asTable}</summary>
        <Table caption={w.asTable} columns={[w.day, { figure: w.figure }]}>
          {points.map(({ label, told }) => (
            <tr key={label}>
              <th scope="row">{label}</th>
              <td className="figure">{told}</td>
            </tr>
          ))}
        </Table>
      </details>
    </figure>
  );
};
