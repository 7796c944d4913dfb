import { type InputHTMLAttributes, type ReactNode, useId } from 'react';

/** A labelled input; `beside` stands in the field, at its end. */
export const Field = ({
  label,
  beside,
  ...input
}: { label: string; beside?: ReactNode } & InputHTMLAttributes<HTMLInputElement>) => {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <div className="field-box">
        <input id={id} {...input} />
        {beside}
      </div>
    </div>
  );
};
