// Taking a table away as CSV.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { ExportTable } from '../api/types';
import { exportPath } from '../api/wangge';
import { spoken, t, toast } from '../state/app';
import { type Download, fileName, fromServer, take, wanted } from '../state/download';
import { useSending } from '../state/sending';
import { info, may, me, signInfo, wantSignInfo } from '../state/session';
import { Failure, Loading } from './controls';
import { Dialog } from './dialog';
import { Icon } from './icon';
import { PurposeSelect } from './purpose';

/** A button under a table; nothing for whoever may take nothing away. */
export function ExportButton({ table }: { table: ExportTable }) {
  const words = t.value.export;
  if (!may('export')) return null;
  return <DownloadButton what={words.what[table]} name={table} path={(purpose) => exportPath(table, purpose)} />;
}

export function DownloadButton(props: { what: string; name: string; path: (purpose: string) => string }) {
  const { what, name, path } = props;
  return (
    <button
      type="button"
      class="button small"
      onClick={() => {
        wanted.value = { what, make: fromServer(path), file: fileName(name, new Date()) };
      }}
    >
      <Icon name="download" size={14} />
      {t.value.export.button(what)}
    </button>
  );
}

export function PurposeDialog() {
  return wanted.value && <Ask download={wanted.value} />;
}

function Ask({ download }: { download: Download }) {
  useEffect(wantSignInfo, []);
  const words = t.value.export;
  const purpose = useSignal(me.value?.purpose ?? '');
  const { busy, fault, send: sendOnce } = useSending();
  const loaded = signInfo.loaded.value;
  const close = () => {
    wanted.value = null;
  };
  const send = async () => {
    await sendOnce(async () => {
      await take(download, purpose.value);
      spoken.value = words.done;
      toast.value = { text: words.done };
      close();
    });
  };
  return (
    <Dialog title={words.title(download.what)} onClose={close}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void send();
        }}
      >
        <p class="hint">{words.hint}</p>
        {info.value === undefined && loaded.state !== 'failed' && <Loading />}
        {info.value === undefined && loaded.state === 'failed' && (
          <Failure error={loaded.error} retry={signInfo.reload} />
        )}
        {info.value && (
          <PurposeSelect
            value={purpose.value}
            onChange={(id) => {
              purpose.value = id;
            }}
          />
        )}
        {fault.value && <Failure error={fault.value} />}
        <div class="actions">
          <button type="submit" class="button primary" disabled={busy.value || purpose.value === ''}>
            {busy.value ? words.working : words.submit}
          </button>
          <button type="button" class="button" onClick={close}>
            {t.value.confirm.cancel}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
