import { type FormEvent, useId, useState } from 'react';
import { useLanguage } from './language.ts';
import { FailureNotice } from './notice.tsx';
import type { Session } from './session.ts';
import { useSending } from './use-sending.ts';

/** What a thumb is worth, of 1 to 5. */
const ratings = { good: 5, bad: 1 } as const;
type Thumb = keyof typeof ratings;

const commentMax = 1_000;

/** What somebody thinks of the answer of a run: a thumb, and a word about it if they like. Sent once. */
export const Feedback = ({ session, run }: { session: Session; run: string }) => {
  const { words } = useLanguage();
  const w = words.feedback;
  const id = useId();
  const [thumb, setThumb] = useState<Thumb>();
  const [isSent, setSent] = useState(false);
  const { isBusy, failure, send } = useSending();

  const submit = (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const comment = String(new FormData(event.currentTarget).get('comment') ?? '').trim();
    return send(async () => {
      const rating = ratings[thumb ?? 'good'];
      const path = `/v1/agui/assistant/runs/${encodeURIComponent(run)}/feedback`;
      await session.call(path, { rating, ...(comment ? { comment } : {}) });
      setSent(true);
    });
  };

  if (isSent)
    return (
      <p className="fine" role="status">
        {w.thanks}
      </p>
    );
  return (
    <form className="feedback" onSubmit={(event) => void submit(event)}>
      <fieldset className="thumbs">
        <legend className="unseen">{w.title}</legend>
        {(['good', 'bad'] as const).map((one) => (
          <button
            key={one}
            type="button"
            className="thumb"
            aria-label={w[one]}
            title={w[one]}
            aria-pressed={thumb === one}
            onClick={() => setThumb(thumb === one ? undefined : one)}
          >
            <svg viewBox="0 0 24 24" aria-hidden="true" className={one === 'bad' ? 'turned' : undefined}>
              <path d="M7 10v10H4a1 1 0 0 1-1-1v-8a1 1 0 0 1 1-1zm2 9.2V10l3.6-7.2a2 2 0 0 1 2.4 2.4L14 9h5a2 2 0 0 1 2 2.4l-1.4 7a2 2 0 0 1-2 1.6H10.5z" />
            </svg>
          </button>
        ))}
      </fieldset>
      {thumb && (
        <div className="feedback-more">
          <label htmlFor={id}>
            {w.comment} <span className="fine">{words.confirm.optional}</span>
          </label>
          <textarea id={id} name="comment" rows={2} maxLength={commentMax} aria-describedby={`${id}-hint`} />
          <p id={`${id}-hint`} className="fine">
            {w.hint}
          </p>
          {failure && <FailureNotice failure={failure} />}
          <button type="submit" className="button quiet" disabled={isBusy}>
            {isBusy ? w.busy : w.send}
          </button>
        </div>
      )}
    </form>
  );
};
