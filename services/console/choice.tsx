import { useId } from 'react';

/** One of a few, by its words. */
export const Choice = <T extends string>({
  label,
  value,
  of: options,
  onChange,
}: {
  label: string;
  value: T;
  of: Readonly<Record<string, string>>;
  onChange: (value: T) => void;
}) => {
  const id = useId();
  return (
    <span className="choice">
      <label htmlFor={id} className="fine">
        {label}
      </label>
      <select id={id} value={value} onChange={(event) => onChange(event.target.value as T)}>
        {Object.entries(options).map(([key, text]) => (
          <option key={key} value={key}>
            {text}
          </option>
        ))}
      </select>
    </span>
  );
};
