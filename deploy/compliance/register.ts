import type { Pack, RetentionRule, Source } from '@jangada/packs/pack.ts';

/** What is done with one kind of data: a line of the register of processing. */
export interface Processing {
  readonly source: string;
  readonly table: string;
  /** Whose data: the table of the people that rows are about, or `account` for what is somebody's own; null for what is about nobody. */
  readonly about: string | null;
  readonly purposes: readonly {
    readonly name: string;
    readonly roles: readonly string[];
    /** Set where it tells figures alone, about so many people at least. */
    readonly groupMin: number | null;
    readonly secondFactor: boolean;
  }[];
  /** The least consent that whom it is about must have given; null where none is needed. */
  readonly consent: string | null;
  readonly fields: readonly {
    readonly name: string;
    readonly personal: boolean;
    /** Encrypted under the person's own key. */
    readonly sealed: boolean;
    /** Roles to whom it is shown masked. */
    readonly maskedFor: readonly string[];
  }[];
  /** How long it is kept; null where no rule deletes it. */
  readonly retention: { readonly class: string; readonly keep: string } | null;
  /** Whom it is passed on to, as the pack names them. */
  readonly recipients: readonly string[];
}

/** The register of a pack, from what the pack declares: what it does not declare cannot be read, and so is not in it. */
export const registerOf = (pack: Pack): readonly Processing[] =>
  Object.entries(pack.sources)
    .map(([name, source]) => ({
      source: name,
      table: source.table,
      about: source.subject?.table ?? (source.owner ? 'account' : null),
      purposes: purposesOf(pack, source),
      consent: pack.consent.needed[source.resource] ?? null,
      fields: Object.entries(source.fields).map(([field, { kind, sealed }]) => ({
        name: field,
        personal: kind === 'personal',
        sealed: sealed !== undefined,
        maskedFor: Object.entries(pack.roles)
          .filter(([, { masked }]) => masked.includes(field))
          .map(([role]) => role),
      })),
      retention: retentionOf(pack.retention, source),
      recipients: recipientsOf(pack, source),
    }))
    .toSorted((a, b) => a.source.localeCompare(b.source));

/** Roles that may name a purpose, and hold a permission for it. */
const purposesOf = ({ purposes, roles }: Pack, { resource }: Source): Processing['purposes'] =>
  Object.entries(purposes)
    .filter(([, { resources }]) => resources.includes(resource))
    .map(([name, purpose]) => ({
      name,
      roles: purpose.roles.filter((role) =>
        roles[role]?.permissions.some((held) => [`read:${resource}`, `read:own_${resource}`].includes(held)),
      ),
      groupMin: purpose.groupMin ?? null,
      secondFactor: purpose.assurance === 'aal2',
    }))
    .filter((purpose) => purpose.roles.length > 0);

const retentionOf = (rules: readonly RetentionRule[], { table }: Source): Processing['retention'] => {
  const rule = rules.find((one) => one.table === table);
  return rule ? { class: rule.class, keep: rule.keep } : null;
};

const recipientsOf = ({ retention, recipients = [] }: Pack, { table }: Source): readonly string[] => {
  const classes = retention.filter((rule) => rule.table === table).map((rule) => rule.class);
  return recipients
    .filter((one) => one.classes.some((name) => classes.includes(name)))
    .map(({ name }) => name);
};
