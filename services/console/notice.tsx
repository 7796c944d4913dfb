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

/** The code, what it means, and what to do now. */
export const FailureNotice = ({ failure, onRetry }: { failure: Failure; onRetry?: () => void }) => {
  const { language, words } = useLanguage();
  const { code, requestId, retryAfter } = failure;
  const next = words.next[code];
  return (
    <Notice tone="bad" title={textOf(code, language, words.network)}>
      {next && <p>{next}</p>}
      {retryAfter !== undefined && <p>{words.retryAfter(retryAfter)}</p>}
      <p className="fine">
        {words.code} <code>{code}</code>
        {requestId && (
          <>
            {' · '}
            {words.request} <code>{requestId}</code>
          </>
        )}
      </p>
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
