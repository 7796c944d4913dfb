import { type FormEvent, type KeyboardEvent, type Ref, useState } from 'react';
import { useLanguage } from './language.ts';

/** Where one asks, and stops what is being told. */
export const Composer = ({
  ref,
  last,
  isTelling,
  onAsk,
  onStop,
}: {
  ref: Ref<HTMLTextAreaElement>;
  /** What was asked before, to be asked again in other words. */
  last: string | undefined;
  isTelling: boolean;
  onAsk: (text: string) => void;
  onStop: () => void;
}) => {
  const { words } = useLanguage();
  const w = words.chat;
  const [text, setText] = useState('');

  const send = (): void => {
    if (!text.trim() || isTelling) return;
    onAsk(text.trim());
    setText('');
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    send();
  };
  const press = (event: KeyboardEvent): void => {
    // Enter also ends a word that an input method composes.
    if (event.nativeEvent.isComposing) return;
    if (event.key === 'Enter' && !event.shiftKey) send();
    else if (event.key === 'Escape' && isTelling) onStop();
    else if (event.key === 'ArrowUp' && text === '' && last) setText(last);
    else return;
    event.preventDefault();
  };

  return (
    <form className="composer" onSubmit={submit}>
      <label className="unseen" htmlFor="question">
        {w.question}
      </label>
      <textarea
        ref={ref}
        id="question"
        rows={1}
        maxLength={2_000}
        placeholder={w.placeholder}
        aria-describedby="question-hint"
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={press}
      />
      {isTelling ? (
        <button type="button" className="button stop" onClick={onStop}>
          {w.stop}
        </button>
      ) : (
        <button type="submit" className="button" disabled={!text.trim()}>
          {w.send}
        </button>
      )}
      <p id="question-hint" className="fine">
        {w.hint}
      </p>
    </form>
  );
};
