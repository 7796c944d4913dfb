/** What of a report each regime asks for, and where it says so. */

export const regimes = ['lgpd', 'hipaa', 'gdpr', 'iso27001'] as const;
export type Regime = (typeof regimes)[number];

/** Parts of a report. */
type Section = 'register' | 'access' | 'consent' | 'retention' | 'oversight';

interface Rules {
  readonly title: string;
  /** As packs name it in `compliance`, or what their name of it ends with, as that of a country's own. */
  readonly declared: string;
  readonly basis: Readonly<Record<Section, string>>;
}

export const rulesOf: Readonly<Record<Regime, Rules>> = {
  lgpd: {
    title: 'LGPD (Lei 13.709/2018)',
    declared: 'LGPD',
    basis: {
      register: 'LGPD, art. 37',
      access: 'LGPD, arts. 18, II; 19',
      consent: 'LGPD, arts. 7, I; 8; 11, I',
      retention: 'LGPD, arts. 15; 16',
      oversight: 'LGPD, arts. 46; 50',
    },
  },
  gdpr: {
    title: 'GDPR (Regulation (EU) 2016/679)',
    declared: 'GDPR',
    basis: {
      register: 'GDPR, art. 30(1)',
      access: 'GDPR, art. 15(1)',
      consent: 'GDPR, arts. 6(1)(a); 7(1); 9(2)(a)',
      retention: 'GDPR, art. 5(1)(e)',
      oversight: 'GDPR, art. 32',
    },
  },
  hipaa: {
    title: 'HIPAA (45 CFR 164)',
    declared: 'HIPAA',
    basis: {
      register: '45 CFR 164.316(b)(1)',
      access: '45 CFR 164.528',
      consent: '45 CFR 164.508',
      retention: '45 CFR 164.316(b)(2)(i)',
      oversight: '45 CFR 164.308(a)(1)(ii)(D); 164.312(b)',
    },
  },
  iso27001: {
    title: 'ISO/IEC 27001:2022',
    declared: 'ISO_27001',
    basis: {
      register: 'A.5.9; A.5.34',
      access: 'A.5.15; A.8.15',
      consent: 'A.5.34',
      retention: 'A.5.33; A.8.10',
      oversight: 'A.8.16',
    },
  },
};
