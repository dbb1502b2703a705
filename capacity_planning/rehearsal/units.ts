/** NaN stands for a value that was not measured. */
export function megabytes(bytes: number): string {
  return Number.isNaN(bytes) ? unknown : `${Number((bytes / 1e6).toPrecision(3))} MB`;
}

/** Rounds to whole per cent from 10 % on, and to two digits below. */
export function percent(share: number): string {
  const percents = share * 100;
  if (Number.isNaN(percents)) return unknown;
  return `${percents >= 10 ? percents.toFixed(0) : Number(percents.toPrecision(2))} %`;
}

export function money(amount: number): string {
  return Number.isNaN(amount) ? unknown : amount.toFixed(3);
}

export const unknown = 'not measured';
