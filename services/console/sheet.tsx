import { type ReactNode, useId, useLayoutEffect, useRef } from 'react';
import { useLanguage } from './language.ts';

/** What lies over the page until it is closed, by Esc too; where one was before has the focus then. */
export const Sheet = ({
  title,
  onClose,
  children,
}: {
  title: string;
  onClose: () => void;
  children: ReactNode;
}) => {
  const { words } = useLanguage();
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const { current } = dialog;
    current?.showModal();
    // Closed before it goes, or nobody would be led back.
    return () => current?.close();
  }, []);
  return (
    <dialog ref={dialog} className="sheet" aria-labelledby={id} onClose={onClose}>
      <header className="sheet-head">
        <h2 id={id}>{title}</h2>
        <button type="button" className="button quiet" onClick={() => dialog.current?.close()}>
          {words.agenda.close}
        </button>
      </header>
      {children}
    </dialog>
  );
};
