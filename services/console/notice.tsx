import type { ReactNode } from 'react';
import { type Failure, textOf } from './failure.ts';
import { useLanguage } from './language.ts';

/** Something that happened, beside what it is about. */
export const Notice = ({
  tone = 'plain',
  title,
  children,
}: {
  tone?: 'plain' | 'bad' | 'held' | 'good';
  title?: string | undefined;
  children?: ReactNode;
}) => (
  <div className={`notice notice-${tone}`} role={tone === 'bad' ? 'alert' : undefined}>
    {title && <p className="notice-title">{title}</p>}
    {children}
  </div>
);

/** What to do about a code, where there is something to do. */
export const NextStep = ({ code }: { code: string }) => {
  const { words } = useLanguage();
  const next = (words.next as Record<string, string | undefined>)[code];
  return next && <p>{next}</p>;
};

/** A code by which others know what happened; `children` stand beside it. */
export const CodeLine = ({ code, children }: { code: string; children?: ReactNode }) => {
  const { words } = useLanguage();
  return (
    <p className="fine">
      {words.code} <code>{code}</code>
      {children}
    </p>
  );
};

/** The code, what it means, and what to do now. */
export const FailureNotice = ({ failure, onRetry }: { failure: Failure; onRetry?: () => void }) => {
  const { language, words } = useLanguage();
  const { code, requestId, retryAfter } = failure;
  return (
    <Notice tone="bad" title={textOf(code, language, words.network)}>
      <NextStep code={code} />
      {retryAfter !== undefined && <p>{words.retryAfter(retryAfter)}</p>}
      <CodeLine code={code}>
        {requestId && (
          <>
            {' · '}
            {words.request} <code>{requestId}</code>
          </>
        )}
      </CodeLine>
      {onRetry && (
        <button type="button" className="button quiet" onClick={onRetry}>
          {words.again}
        </button>
      )}
    </Notice>
  );
};

export const Loading = () => {
  const { words } = useLanguage();
  return (
    <p className="loading" role="status">
      <span className="spinner" aria-hidden="true" />
      {words.loading}
    </p>
  );
};
