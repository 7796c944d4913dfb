import './no-eval.ts';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { showTheme, themeOf } from './preferences.ts';
import { openSession } from './session.ts';

showTheme(themeOf());
const page = document.getElementById('page');
if (page) createRoot(page).render(<App session={openSession()} />);
