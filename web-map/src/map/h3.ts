// What is read off the name of an H3 cell.

/** About the area of a cell here, km², by resolution: a quarter below the mean over the earth. */
const areasKm2: Record<number, number> = { 5: 190, 6: 27, 7: 3.9, 8: 0.56, 9: 0.079 };

/** The resolution in an H3 index, written in hexadecimal: bits 52 to 55. */
const resolutionOf = (cell: string): number => Number((BigInt(`0x${cell}`) >> 52n) & 15n);

/** About the area of a cell, km²; undefined for what is none, or none that is shown. */
export const cellKm2 = (cell: string): number | undefined =>
  /^[0-9a-f]{15}$/.test(cell) ? areasKm2[resolutionOf(cell)] : undefined;
