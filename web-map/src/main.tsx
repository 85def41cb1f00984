import { render } from 'preact';
import { App } from './panels/app';
import { dressDocument, followHistory, loadMeta } from './state/app';
import { onKey } from './state/keys';
import { followServer } from './state/live';
import './styles.css';

void loadMeta();
dressDocument();
followHistory();
followServer();
document.addEventListener('keydown', onKey);

const root = document.getElementById('app');
if (root !== null) render(<App />, root);
