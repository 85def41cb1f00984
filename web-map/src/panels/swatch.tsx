import { useId } from 'preact/hooks';
import { patterns } from '../map/patterns';

/** A patch of colour with the same pattern as on the map, at half its size. */
export function Swatch({ color, pattern }: { color: string; pattern: string | undefined }) {
  const id = useId();
  const repeated = pattern === undefined ? undefined : patterns[pattern];
  return (
    <svg class="swatch" width="26" height="16" viewBox="0 0 26 16" aria-hidden="true">
      {repeated && (
        <defs>
          <pattern
            id={id}
            width={repeated.size}
            height={repeated.size}
            patternUnits="userSpaceOnUse"
            patternTransform="scale(.6)"
          >
            <path d={repeated.path} class="swatch-pattern" />
          </pattern>
        </defs>
      )}
      <rect width="26" height="16" rx="3" fill={color} />
      {repeated && <rect width="26" height="16" rx="3" fill={`url(#${id})`} />}
      <rect x=".5" y=".5" width="25" height="15" rx="2.500" class="swatch-edge" />
    </svg>
  );
}
