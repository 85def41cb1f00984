// The few controls that every panel is made of.
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import { sentence, t } from '../state/app';
import { latest, type Resource } from '../state/resource';
import { Icon, type IconName } from './icon';

export interface Choice<T extends string> {
  value: T;
  label: string;
}

/** One of a few, all visible. */
export function Segmented<T extends string>(props: {
  label: string;
  value: T;
  choices: readonly Choice<T>[];
  onChange: (value: T) => void;
}) {
  const name = useId();
  return (
    <fieldset class="segmented">
      <legend class="hidden">{props.label}</legend>
      {props.choices.map((choice) => (
        <label key={choice.value}>
          <input
            type="radio"
            name={name}
            value={choice.value}
            checked={choice.value === props.value}
            onChange={() => props.onChange(choice.value)}
          />
          <span>{choice.label}</span>
        </label>
      ))}
    </fieldset>
  );
}

/** One of many. */
export function Select<T extends string>(props: {
  label: string;
  value: T;
  choices: readonly Choice<T>[];
  onChange: (value: T) => void;
  quiet?: boolean;
  disabled?: boolean;
}) {
  const id = useId();
  return (
    <div class="field">
      <label for={id} class={props.quiet ? 'hidden' : ''}>
        {props.label}
      </label>
      <select
        id={id}
        value={props.value}
        disabled={props.disabled}
        onChange={(event) => props.onChange(event.currentTarget.value as T)}
      >
        {props.choices.map((choice) => (
          <option key={choice.value} value={choice.value} selected={choice.value === props.value}>
            {choice.label}
          </option>
        ))}
      </select>
    </div>
  );
}

/** On or off. */
export function Switch(props: { label: string; hint?: string; on: boolean; onChange: (on: boolean) => void }) {
  return (
    <label class="switch">
      <span>
        {props.label}
        {props.hint && <small>{props.hint}</small>}
      </span>
      <input
        type="checkbox"
        role="switch"
        aria-checked={props.on}
        checked={props.on}
        onChange={(e) => props.onChange(e.currentTarget.checked)}
      />
    </label>
  );
}

/** A square button that shows an icon and carries a name. */
export function IconButton(props: {
  icon: IconName;
  label: string;
  onClick: () => void;
  pressed?: boolean;
  keys?: string;
  text?: string;
}) {
  const title = props.keys ? `${props.label} (${props.keys})` : props.label;
  return (
    <button
      type="button"
      class="icon-button"
      aria-label={props.label}
      aria-pressed={props.pressed}
      aria-keyshortcuts={props.keys}
      title={title}
      onClick={props.onClick}
    >
      <Icon name={props.icon} />
      {props.text && <span class="icon-button-text">{props.text}</span>}
    </button>
  );
}

/**
 * A panel beside the map, a sheet on a phone; a page covers the map. It takes the focus when the reader opened it, and
 * gives it back.
 */
export function Drawer(props: {
  title: string;
  subtitle?: string | undefined;
  takesFocus?: boolean;
  page?: boolean;
  wide?: boolean;
  onClose: () => void;
  children: ComponentChildren;
}) {
  const id = useId();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (!props.takesFocus) return undefined;
    const before = document.activeElement;
    heading.current?.focus();
    return () => before instanceof HTMLElement && before.isConnected && before.focus();
  }, []);
  return (
    <section
      class={['drawer card', props.page && 'page', props.wide && 'wide'].filter(Boolean).join(' ')}
      aria-labelledby={id}
    >
      <header>
        <div>
          <h2 id={id} tabIndex={-1} ref={heading}>
            {props.title}
          </h2>
          {props.subtitle && <p>{props.subtitle}</p>}
        </div>
        <IconButton icon="close" label={t.value.close} onClick={props.onClose} />
      </header>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard (WCAG 2.1.1) */}
      <div class="drawer-body" tabIndex={0} role="group" aria-labelledby={id}>
        {props.children}
      </div>
    </section>
  );
}

/** Says that an answer is awaited. */
export function Loading() {
  return (
    <p class="loading" role="status">
      <span class="spinner" aria-hidden="true" />
      {t.value.loading}
    </p>
  );
}

/** Says what failed, and offers to try again. */
export function Failure({ error, retry }: { error: Error; retry?: () => void }) {
  return (
    <div class="failure" role="alert">
      <Icon name="warning" />
      <p>{sentence(error)}</p>
      {retry && (
        <button type="button" class="button" onClick={retry}>
          {t.value.retry}
        </button>
      )}
    </div>
  );
}

/** What a resource has, while it is awaited, and when it failed. */
export function Loaded<T>({ of, children }: { of: Resource<T>; children: (value: T) => ComponentChildren }) {
  const loaded = of.loaded.value;
  const value = latest(loaded);
  return (
    <>
      {loaded.state === 'failed' && <Failure error={loaded.error} retry={of.reload} />}
      {value === undefined && loaded.state === 'loading' && <Loading />}
      {value !== undefined && children(value)}
    </>
  );
}
