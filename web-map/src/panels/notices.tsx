// What the page says of itself: synthetic data, a server that is away, one message with an action, the attribution.
import { useEffect } from 'preact/hooks';
import { trouble } from '../api/events';
import { reachable, refused } from '../api/http';
import * as api from '../api/wangge';
import { mapped } from '../state/analysis';
import { lang, loadMeta, meta, spoken, t, toast } from '../state/app';
import * as format from '../state/format';
import { renewAll } from '../state/live';
import { Icon } from './icon';

export function Synthetic() {
  if (!meta.value?.synthetic) return null;
  return (
    <p class="synthetic" role="note">
      <Icon name="warning" size={15} />
      {t.value.synthetic}
    </p>
  );
}

const retryMs = 4000;

/** Asks whether the server is back; then everything that may have changed is asked again. */
export async function comeBack(): Promise<void> {
  try {
    await api.ready();
  } catch {
    return;
  }
  await loadMeta();
  renewAll();
}

export function AwayBanner() {
  const away = !reachable.value;
  useEffect(() => {
    if (!away) return undefined;
    const timer = setInterval(() => void comeBack(), retryMs);
    return () => clearInterval(timer);
  }, [away]);
  if (!away) return null;
  return (
    <div class="away card" role="alert">
      <Icon name="warning" size={18} />
      <p>{t.value.away.long}</p>
      <button type="button" class="button small" onClick={() => void comeBack()}>
        {t.value.retry}
      </button>
    </div>
  );
}

/** The server answers, but what it shows may be old. */
export function OldBanner() {
  const { value } = trouble;
  if (value === null || !reachable.value) return null;
  return (
    <div class="away card" role="alert">
      <Icon name="warning" size={18} />
      <p>{t.value.away.database(format.since(value.since, Date.now(), lang.value))}</p>
    </div>
  );
}

const toastMs = 12_000;

export function ToastMessage() {
  const shown = toast.value;
  const denied = refused.value;
  useEffect(() => {
    if (denied !== null) toast.value = { text: denied.message };
  }, [denied]);
  useEffect(() => {
    if (shown === null) return undefined;
    const timer = setTimeout(() => {
      toast.value = null;
    }, toastMs);
    return () => clearTimeout(timer);
  }, [shown]);
  return (
    <div class="toast-place" role="status">
      {shown && (
        <div class="toast">
          <span>{shown.text}</span>
          {shown.action && (
            <button
              type="button"
              onClick={() => {
                toast.value = null;
                shown.action?.run();
              }}
            >
              {shown.action.label}
            </button>
          )}
          <button
            type="button"
            aria-label={t.value.close}
            onClick={() => {
              toast.value = null;
            }}
          >
            <Icon name="close" size={16} />
          </button>
        </div>
      )}
    </div>
  );
}

/** Heard by screen readers, seen by nobody. */
export function Spoken() {
  return (
    <p class="hidden" aria-live="polite">
      {spoken.value}
    </p>
  );
}

export function Attribution() {
  const served = meta.value;
  if (served === null) return null;
  const name = mapped.value?.other_edition?.name ?? served.edition?.name;
  const edition = name === undefined ? '' : `${t.value.edition} ${name}`;
  return (
    <p class="attribution" lang={lang.value === 'zh' ? 'zh-CN' : 'en'}>
      {edition && <span>{edition}</span>}
      <span>{served.attribution.join(' · ')}</span>
    </p>
  );
}
