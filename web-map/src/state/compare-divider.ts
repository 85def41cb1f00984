// Where the line between two maps stands: shares of the width of the map, 0 at its left edge.

/** The part of the map that panels leave free, in CSS pixels from its edges. */
export interface Free {
  width: number; // of the map
  left: number;
  right: number;
}

const least = 48; // pixels of either side that stay

/** The shares between which the line may stand; without room beside the panels, the whole map but its edges. */
export function limits({ width, left, right }: Free): { from: number; to: number } {
  if (!(width > 2 * least)) return { from: 0.5, to: 0.5 };
  const roomy = width - left - right >= 2 * least;
  const [from, to] = roomy ? [left, width - right] : [0, width];
  return { from: (from + least) / width, to: (to - least) / width };
}

/** The nearest share at which the line may stand; the middle of the free part for what is no number. */
export function clamped(share: number, free: Free): number {
  const { from, to } = limits(free);
  return Number.isFinite(share) ? Math.min(to, Math.max(from, share)) : (from + to) / 2;
}

const steps: Record<string, number> = {
  ArrowLeft: -0.02,
  ArrowDown: -0.02,
  ArrowRight: 0.02,
  ArrowUp: 0.02,
  PageDown: -0.1,
  PageUp: 0.1,
  Home: Number.NEGATIVE_INFINITY,
  End: Number.POSITIVE_INFINITY,
};

/** Where a key of a slider takes the line; null for other keys. */
export function moved(share: number, key: string, free: Free): number | null {
  const step = steps[key];
  if (step === undefined) return null;
  const { from, to } = limits(free);
  return Math.min(to, Math.max(from, share + step));
}
