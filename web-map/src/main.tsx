import { render } from 'preact';
import { App } from './panels/app';
import { dressDocument, followHistory } from './state/app';
import { onKey } from './state/keys';
import { followReader } from './state/live';
import { beginSession, followRefusals } from './state/session';
import './styles.css';

void beginSession();
dressDocument();
followHistory();
followRefusals();
followReader();
document.addEventListener('keydown', onKey);

const root = document.getElementById('app');
if (root !== null) render(<App />, root);
