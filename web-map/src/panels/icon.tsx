// Line icons of the user interface, 24 × 24.
const paths = {
  search: 'M10.500 4a6.500 6.500 0 1 0 .01 0zM15.500 15.500 20 20',
  layers: 'M12 3 21 8l-9 5-9-5zM4 12.500l8 4.500 8-4.500M4 16.500l8 4.500 8-4.500',
  mark: 'M12 21s-6.500-5.800-6.500-11a6.500 6.500 0 0 1 13 0c0 5.200-6.500 11-6.500 11zM12 7v6M9 10h6',
  import: 'M12 15V3.500M7.500 8 12 3.500 16.500 8M4 14v5.500h16V14',
  sun: 'M12 8a4 4 0 1 0 .01 0zM12 2.500v2M12 19.500v2M2.500 12h2M19.500 12h2M5.300 5.300l1.400 1.400M17.300 17.300l1.400 1.400M18.700 5.300l-1.400 1.400M6.700 17.300l-1.400 1.400',
  moon: 'M20 14.500A8.500 8.500 0 0 1 9.500 4 8.500 8.500 0 1 0 20 14.500z',
  help: 'M12 3a9 9 0 1 0 .01 0zM9.500 9.500a2.500 2.500 0 1 1 3.700 2.200c-.8.500-1.200 1-1.200 2M12 16.800v.2',
  plus: 'M12 5v14M5 12h14',
  minus: 'M5 12h14',
  home: 'M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5',
  close: 'M6 6l12 12M18 6 6 18',
  play: 'M8 5v14l11-7z',
  pause: 'M8 5v14M16 5v14',
  legend: 'M4 5h4v4H4zM4 10.500h4v3.500H4zM4 15.500h4v4H4zM11 7h9M11 12h9M11 17.500h9',
  period: 'M4 20V12M8 20V7M12 20v-9M16 20V4M20 20v-6',
  pin: 'M12 21s-6.500-5.800-6.500-11a6.500 6.500 0 0 1 13 0c0 5.200-6.500 11-6.500 11zM12 8a2 2 0 1 0 .01 0z',
  polygon: 'M5 9l7-5 7 5-2.500 9h-9z',
  undo: 'M8 5 4 9l4 4M4 9h10a6 6 0 0 1 0 12h-3',
  check: 'M5 12.500l4.500 4.500L19 7',
  warning: 'M12 3.500 21.500 20h-19zM12 10v4.500M12 17.300v.2',
  file: 'M6 3h8l4 4v14H6zM14 3v4h4',
  more: 'M5 11.200a.8.8 0 1 0 .01 0zM12 11.200a.8.8 0 1 0 .01 0zM19 11.200a.8.8 0 1 0 .01 0z',
  back: 'M15 5l-7 7 7 7',
} as const;

export type IconName = keyof typeof paths;

/** A decorative icon: the control around it carries the name. */
export function Icon({ name, size = 20 }: { name: IconName; size?: number }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" width={size} height={size} aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}
