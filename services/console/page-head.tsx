import { useLanguage } from './language.ts';

/** The title of a page whose content can be asked for again. */
export const PageHead = ({ title, onRefresh }: { title: string; onRefresh: () => void }) => {
  const { words } = useLanguage();
  return (
    <header className="page-head">
      <h1 tabIndex={-1}>{title}</h1>
      <button type="button" className="button quiet" onClick={onRefresh}>
        {words.refresh}
      </button>
    </header>
  );
};
