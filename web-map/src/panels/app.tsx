// The page: the map, and what floats on it. On a phone the panels are sheets above a bar of tabs.

import { computed, signal } from '@preact/signals';
import { type ComponentType, h } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Right } from '../api/types';
import { isPage, type Panel } from '../state/address';
import { address, change, groundOnly, lang, loadMeta, meta, phone, startFault, t } from '../state/app';
import { may, mayAnalyse, reader } from '../state/session';
import { AccountMenu } from './account';
import { AreaPanel } from './area';
import { Boundary } from './boundary';
import { Drawer, Failure, IconButton, Loading } from './controls';
import { Confirm } from './dialog';
import { PurposeDialog } from './export';
import { FindingPanel } from './finding';
import { HerePanel } from './here';
import { HoverPreview } from './hover';
import { LayersPanel } from './layers';
import { LegendBody } from './legend';
import { MapView } from './map-view';
import { Attribution, AwayBanner, OldBanner, Spoken, Synthetic, ToastMessage } from './notices';
import { PeriodBar } from './period';
import { Search } from './search';
import { Gate } from './sign-in';
import { AccountButton, Tools, togglePanel, ZoomButtons } from './tools';
import { ViewAsBanner } from './view-as';

export function App() {
  if (reader.value === null) {
    return (
      <main class="app">
        <h1 class="hidden">{t.value.brand}</h1>
        <Gate />
        <AwayBanner />
        <ToastMessage />
        <Spoken />
      </main>
    );
  }
  const ready = meta.value !== null;
  return (
    <>
      <button type="button" class="skip" onClick={skipToMap}>
        {t.value.skip}
      </button>
      <ViewAsBanner />
      <main class={appClass()}>
        <h1 class="hidden">{t.value.brand}</h1>
        {ready && (
          <Boundary>
            <MapView />
          </Boundary>
        )}
        {!ready && startFault.value === null && (
          <div class="start">
            <Loading />
          </div>
        )}
        {startFault.value && (
          <div class="start card">
            <Failure error={startFault.value} retry={() => void loadMeta()} />
          </div>
        )}
        {ready && (phone.value ? <PhoneLayout /> : <DesktopLayout />)}
        <HoverPreview />
        <AwayBanner />
        <OldBanner />
        <ToastMessage />
        <Spoken />
      </main>
      <Confirm />
      <PurposeDialog />
    </>
  );
}

/** Whether there is a period bar: an analysis has a period of its own, and takes its place. */
const timed = computed(() => !groundOnly.value && address.value.panel !== 'analysis');

function appClass(): string {
  const { panel, selection } = address.value;
  return ['app', (panel || selection) && 'open', !timed.value && 'no-time'].filter(Boolean).join(' ');
}

function skipToMap(): void {
  document.querySelector<HTMLElement>('.maplibregl-canvas')?.focus();
}

function Brand() {
  const district = meta.value?.district;
  return (
    <p class="brand">
      <img src="/icon.svg" alt="" width="28" height="28" />
      <span>
        <strong>{t.value.brand}</strong>
        <small>{lang.value === 'zh' ? district?.name : district?.name_en || district?.name}</small>
      </span>
    </p>
  );
}

function DesktopLayout() {
  if (isPage(address.value.panel)) return <OpenPanel />;
  return (
    <>
      <div class="side">
        <div class="card head">
          <div class="head-row">
            <Brand />
            <AccountButton />
          </div>
          <Search />
        </div>
        <section class="card legend-card" aria-label={t.value.legend.title}>
          <Boundary>
            <LegendBody />
          </Boundary>
        </section>
      </div>
      <Synthetic />
      <Tools />
      <ZoomButtons />
      <OpenPanel />
      {timed.value && <TimeCard />}
      <Attribution />
    </>
  );
}

/** The card of the period bar; what lies above it keeps clear of its height, which changes with the wrapping. */
function TimeCard() {
  const card = useRef<HTMLElement>(null);
  useEffect(() => {
    const app = card.current?.parentElement;
    const observer = new ResizeObserver(() => {
      const height = innerHeight - (card.current?.getBoundingClientRect().top ?? innerHeight);
      app?.style.setProperty('--time-height', `${Math.round(height)}px`);
    });
    if (card.current) observer.observe(card.current);
    return () => {
      observer.disconnect();
      app?.style.removeProperty('--time-height');
    };
  }, []);
  return (
    <section class="card time" aria-label={t.value.period.title} ref={card}>
      <Boundary>
        <PeriodBar />
      </Boundary>
    </section>
  );
}

function PhoneLayout() {
  if (isPage(address.value.panel)) {
    return (
      <>
        <OpenPanel />
        <Tabs />
      </>
    );
  }
  return (
    <>
      <div class="card head">
        <Search />
      </div>
      <Synthetic />
      <ZoomButtons />
      <Attribution />
      <OpenPanel />
      <Tabs />
    </>
  );
}

const tabs: [Panel, 'legend' | 'period' | 'layers' | 'mark' | 'more'][] = [
  ['legend', 'legend'],
  ['period', 'period'],
  ['layers', 'layers'],
  ['mark', 'mark'],
  ['help', 'more'],
];

function Tabs() {
  return (
    <nav class="tabs" aria-label={t.value.tools.tabs}>
      {tabs
        .filter(([panel]) => missing(panel) === null && !(panel === 'period' && groundOnly.value))
        .map(([panel, icon]) => (
          <IconButton
            key={panel}
            icon={icon}
            label={t.value.tabs[icon]}
            text={t.value.tabs[icon]}
            pressed={address.value.panel === panel}
            onClick={() => togglePanel(panel)}
          />
        ))}
    </nav>
  );
}

/** The one open panel; without one, what is selected. */
function OpenPanel() {
  const { panel, selection } = address.value;
  const view = panel ? panelView(panel) : null;
  const of = selection === null || selection.type === 'unit' ? null : selectionViews[selection.type]; // a unit is told of in the analysis
  const body = view ?? (of && h(of, {}));
  return body && <Boundary key={panel ?? selection?.type}>{body}</Boundary>;
}

const selectionViews = { point: HerePanel, area: AreaPanel, finding: FindingPanel };

const views: Partial<Record<Panel, ComponentType>> = {
  mark: lazy(() => import('./mark')),
  import: lazy(() => import('./import')),
  analysis: lazy(() => import('./analysis')),
  help: lazy(() => import('./help')),
  account: AccountMenu,
  access: lazy(() => import('./access')),
  users: lazy(() => import('./users')),
  audit: lazy(() => import('./audit')),
};

/** The right that a panel asks for and that is missing; null when it may be opened. */
function missing(panel: Panel): Right | null {
  if (panel === 'analysis') return mayAnalyse.value ? null : 'analyse';
  const needs: Partial<Record<Panel, Right>> = {
    mark: 'mark',
    import: 'import',
    users: 'manage-accounts',
    audit: 'read-audit',
  };
  const right = needs[panel];
  return right === undefined || may(right) ? null : right;
}

/** Says why a panel of the address is not shown. */
function Refused({ right }: { right: Right }) {
  const words = t.value.account;
  const name = words.rightNames[right];
  return (
    <Drawer title={name} takesFocus onClose={() => change({ panel: null })}>
      <p class="notice">{words.missing(name)}</p>
    </Drawer>
  );
}

function panelView(panel: Panel) {
  const close = () => change({ panel: null });
  const right = missing(panel);
  if (right !== null) return <Refused right={right} />;
  if (panel === 'layers') return <LayersPanel />;
  if (panel === 'legend' || panel === 'period') {
    if (!phone.value) return null; // always on the screen there
    const [title, Body] = panel === 'legend' ? [t.value.legend.title, LegendBody] : [t.value.period.title, PeriodBar];
    return (
      <Drawer title={title} takesFocus onClose={close}>
        <Body />
      </Drawer>
    );
  }
  const View = views[panel];
  return View ? <View /> : null;
}

/** A panel that is fetched when it is first opened. */
function lazy(load: () => Promise<{ default: ComponentType }>): ComponentType {
  const loaded = signal<ComponentType | Error | null>(null);
  const fetchIt = () => {
    loaded.value = null;
    load().then(
      (module) => {
        loaded.value = module.default;
      },
      (error: Error) => {
        loaded.value = error;
      },
    );
  };
  return function Lazy() {
    const View = loaded.value;
    useEffect(() => {
      if (loaded.peek() === null) fetchIt();
    }, []);
    if (View instanceof Error) {
      return (
        <div class="drawer card">
          <Failure error={View} retry={fetchIt} />
        </div>
      );
    }
    if (View !== null) return <View />;
    return (
      <div class="drawer card">
        <Loading />
      </div>
    );
  };
}
