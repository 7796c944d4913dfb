import { blocksOf } from './conversation.ts';

/** The text of an answer, with lists and tables where it has them. */
export const Answer = ({ text }: { text: string }) => (
  <>
    {/* What is told only grows, so a place is as good a key as any. */}
    {[...blocksOf(text).entries()].map(([key, block]) => {
      if (block.kind === 'text') return <p key={key}>{block.text}</p>;
      if (block.kind === 'list')
        return (
          <ul key={key} className="bullets">
            {[...block.lines.entries()].map(([at, line]) => (
              <li key={at}>{line}</li>
            ))}
          </ul>
        );
      return (
        <div className="scroll" key={key}>
          <table>
            <tbody>
              {[...block.rows.entries()].map(([at, [first, ...rest]]) => (
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
    })}
  </>
);
