import { useEffect, useState, useSyncExternalStore } from 'react';
import { Agenda } from './agenda.tsx';
import { Audit } from './audit.tsx';
import { Chat } from './chat.tsx';
import { Conversations } from './conversations.tsx';
import { Enrolment } from './enrolment.tsx';
import { LanguageContext, useLanguage, wordsIn } from './language.ts';
import { Operations } from './operations.tsx';
import { usePlace } from './place.ts';
import {
  keepLanguage,
  keepTheme,
  type Language,
  languageOf,
  languages,
  type Theme,
  themeOf,
  themes,
} from './preferences.ts';
import { Privacy } from './privacy.tsx';
import { Retention } from './retention.tsx';
import { Run } from './run.tsx';
import { Runs } from './runs.tsx';
import { SecondFactor } from './second-factor.tsx';
import type { Me, Session } from './session.ts';
import { SignIn } from './sign-in.tsx';

/** Where somebody is on the way in. */
type Step = 'password' | 'factor' | 'enrolment';

const administers = ({ permissions }: Me): boolean => permissions.some((one) => one.startsWith('admin:'));

export const App = ({ session }: { session: Session }) => {
  const [language, setLanguage] = useState(languageOf);
  const { me, ended } = useSyncExternalStore(session.watch, session.standing);

  useEffect(() => {
    document.documentElement.lang = language;
  }, [language]);
  const choose = (next: Language): void => {
    keepLanguage(next);
    setLanguage(next);
  };

  return (
    <LanguageContext value={language}>
      <button type="button" className="skip" onClick={() => document.getElementById('content')?.focus()}>
        {wordsIn[language].skip}
      </button>
      {me ? (
        <Inside session={session} me={me} onLanguage={choose} />
      ) : (
        <Outside key={ended?.requestId} session={session} ended={ended} onLanguage={choose} />
      )}
    </LanguageContext>
  );
};

type Choosing = { onLanguage: (language: Language) => void };

const Outside = ({
  session,
  ended,
  onLanguage,
}: { session: Session; ended: ReturnType<Session['standing']>['ended'] } & Choosing) => {
  const [step, setStep] = useState<Step>('password');
  const enter = (): void => {
    session.enter().catch(() => setStep('password'));
  };
  const known = (me: Me): void => {
    if (me.secondFactor) setStep('factor');
    else if (administers(me)) setStep('enrolment');
    else enter();
  };
  return (
    <div className="outside">
      <header className="brand-head">
        <Brand />
        <Preferences onLanguage={onLanguage} />
      </header>
      <main id="content" tabIndex={-1}>
        {step === 'password' && <SignIn session={session} ended={ended} onDone={known} />}
        {step === 'factor' && <SecondFactor session={session} onDone={enter} onSkip={enter} />}
        {step === 'enrolment' && <Enrolment session={session} onDone={enter} onLater={enter} />}
      </main>
    </div>
  );
};

const Brand = () => (
  <span className="brand">
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <path className="sail" d="M17 3c5 5 8 11 8 18h-8z" />
      <path className="jib" d="M15 8v13H8c1-5 3-9 7-13z" />
      <path className="hull" d="M4 24h24c-2 3-4 4-7 4H11c-3 0-5-1-7-4z" />
    </svg>
    Jangada
  </span>
);

const Preferences = ({ onLanguage }: Choosing) => {
  const { language, words } = useLanguage();
  const [theme, setTheme] = useState(themeOf);
  const w = words.nav;
  return (
    <div className="preferences">
      <label>
        <span className="unseen">{w.language}</span>
        <select value={language} onChange={(event) => onLanguage(event.target.value as Language)}>
          {languages.map((one) => (
            <option key={one} value={one} lang={one}>
              {wordsIn[one].name}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span className="unseen">{w.theme}</span>
        <select
          value={theme}
          onChange={(event) => {
            const next = event.target.value as Theme;
            keepTheme(next);
            setTheme(next);
          }}
        >
          {themes.map((one) => (
            <option key={one} value={one}>
              {w.themes[one]}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
};

const Inside = ({ session, me, onLanguage }: { session: Session; me: Me } & Choosing) => {
  const { words } = useLanguage();
  const { page, id } = usePlace();
  const w = words.nav;
  const chat = { page: 'chat', href: '#/', label: w.chat };
  const pages = [
    chat,
    { page: 'conversations', href: '#/conversations', label: w.conversations },
    ...(me.agenda ? [{ page: 'agenda', href: '#/agenda', label: w.agenda }] : []),
    { page: 'runs', href: '#/runs', label: w.runs },
    { page: 'privacy', href: '#/privacy', label: w.privacy },
    ...(me.permissions.includes('admin:system')
      ? [{ page: 'operations', href: '#/operations', label: w.operations }]
      : []),
    ...(me.permissions.includes('admin:security')
      ? [
          { page: 'retention', href: '#/retention', label: w.retention },
          { page: 'audit', href: '#/audit', label: w.audit },
        ]
      : []),
  ];
  const isAll = page === 'all-runs';
  const shown = pages.find((known) => known.page === (isAll ? 'runs' : page)) ?? chat;

  useEffect(() => {
    document.title = `${shown.label} · Jangada`;
    document.querySelector<HTMLElement>(`#content > :not([hidden]) h1`)?.focus();
  }, [shown.label]);

  return (
    <div className="inside">
      <header className="side">
        <Brand />
        <nav aria-label={w.label}>
          <ul className="pages">
            {pages.map(({ page: name, href, label }) => (
              <li key={name}>
                <a href={href} aria-current={name === shown.page ? 'page' : undefined}>
                  {label}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <div className="side-foot">
          <Preferences onLanguage={onLanguage} />
          <p className="who">
            {me.email}
            <span className="fine">
              {me.role} · {me.tenant.id} · {me.assurance === 'aal2' ? w.secured : w.plain}
            </span>
          </p>
          <button type="button" className="button quiet" onClick={() => void session.signOut()}>
            {w.signOut}
          </button>
        </div>
      </header>
      <main id="content" tabIndex={-1}>
        {/* Not unmounted by a look at another page: what is told goes on. */}
        <div hidden={shown.page !== 'chat'}>
          <Chat session={session} me={me} thread={page === 'chat' ? id : undefined} />
        </div>
        {shown.page === 'conversations' && (
          <div className="page">
            <Conversations session={session} me={me} />
          </div>
        )}
        {shown.page === 'agenda' && me.agenda && (
          <div className="page wide">
            <Agenda session={session} me={me} of={me.agenda} />
          </div>
        )}
        {shown.page === 'runs' && (
          <div className="page">
            {id ? (
              <Run key={id} session={session} me={me} id={id} isAll={isAll} />
            ) : (
              <Runs session={session} me={me} />
            )}
          </div>
        )}
        {shown.page === 'privacy' && (
          <div className="page">
            <Privacy session={session} me={me} />
          </div>
        )}
        {shown.page === 'operations' && (
          <div className="page">
            <Operations session={session} me={me} />
          </div>
        )}
        {shown.page === 'retention' && (
          <div className="page">
            <Retention session={session} me={me} />
          </div>
        )}
        {shown.page === 'audit' && (
          <div className="page">
            <Audit session={session} me={me} />
          </div>
        )}
      </main>
    </div>
  );
};
