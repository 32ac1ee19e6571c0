// The page: which view is shown, and what each answer of the application changes in it.

import { Actions } from './actions.js';
import { Connection } from './connection.js';
import { refreshTip, setAttribute, showTips } from './dom.js';
import { History } from './history.js';
import { ListenerView } from './listener.js';
import { Overview } from './overview.js';
import { Producers } from './producers.js';

const main = document.getElementById('main');

const history = new History();

const connection = new Connection(take, () => listenerIn(location.hash));

const actions = new Actions(connection);

let view;

let answer;

function take(latest) {
  answer = latest;
  history.add(answer);
  if (!view) {
    show();
  }
  view.update(answer);
  refreshTip();
}

/** The id of the listener that an address shows; '' if it shows something else. */
function listenerIn(hash) {
  const listener = /^#\/listener\/(.+)$/.exec(hash);
  return listener ? decodeURIComponent(listener[1]) : '';
}

function viewOf(hash) {
  const listener = listenerIn(hash);
  if (listener) {
    return new ListenerView(listener, history, actions);
  }
  return hash === '#/producers' ? new Producers(actions) : new Overview(history);
}

function show() {
  view?.close?.();
  view = viewOf(location.hash);
  main.replaceChildren(view.root);
  const current = location.hash === '#/producers' ? 'producers' : 'listeners';
  for (const link of document.querySelectorAll('nav a')) {
    setAttribute(link, 'aria-current', link.dataset.view === current ? 'page' : null);
  }
}

window.addEventListener('hashchange', () => {
  if (location.hash !== '' && !location.hash.startsWith('#/')) {
    return; // the link that skips to the content
  }
  if (answer) {
    show();
    view.update(answer);
    main.focus({ preventScroll: true });
    window.scrollTo(0, 0);
    connection.ask(); // the last answer was for another view
  }
});

showTips();
connection.ask();
