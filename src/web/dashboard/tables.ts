/** The tables of the dashboard. */
import { element } from '../shared/dom.js';
import type { DocumentRow, NodeRow, UserRow } from './api.js';

/** What an administrator may order, by the buttons of a row. */
export interface Orders {
  readonly drain: (node: string) => void;
  readonly disconnectUser: (userId: string) => void;
  readonly disconnectDocument: (documentId: string) => void;
}

export function fillNodes(
  body: HTMLElement,
  nodes: readonly NodeRow[],
  writesOf: ReadonlyMap<string, number>,
  orders: Orders,
): void {
  fill(body, nodes, ({ id, run, self, state, version, host, port, uptime, connections, users, documents }) => {
    const name = element('td', { title: `${host}:${port}` }, id, self ? element('small', {}, ' this one') : '');
    const pill = element('td', {}, element('span', { class: `pill ${state}` }, state));
    const writes = writesOf.get(run);
    const figures = [connections, users, documents].map(String);
    const row = [name, pill, cell(version), ...[spellTime(uptime), ...figures, spell(writes)].map(number)];
    const drain =
      state === 'running'
        ? button('Drain', `Drain ${id}`, () => {
            orders.drain(id);
          })
        : '';
    return [...row, element('td', { class: 'action' }, drain)];
  });
}

export function fillDocuments(body: HTMLElement, documents: readonly DocumentRow[], orders: Orders): void {
  const now = Date.now();
  fill(body, documents, ({ id, subscribers, nodes, lastModified }) => {
    const changed = lastModified === 0 ? '–' : `${spellTime(Math.max(0, now - lastModified) / 1_000)} ago`;
    const end = button('Disconnect', `Disconnect those who use ${id}`, () => {
      orders.disconnectDocument(id);
    });
    return [
      cell(id),
      ...[String(subscribers), String(nodes), changed].map(number),
      element('td', { class: 'action' }, end),
    ];
  });
}

export function fillUsers(body: HTMLElement, users: readonly UserRow[], orders: Orders): void {
  fill(body, users, ({ user, connections }) => {
    const end = button('Disconnect', `Disconnect ${user}`, () => {
      orders.disconnectUser(user);
    });
    return [cell(user), number(String(connections)), element('td', { class: 'action' }, end)];
  });
}

/** Rows that are the same stay: so does the focus of their buttons. */
function fill<Row>(body: HTMLElement, rows: readonly Row[], cellsOf: (row: Row) => readonly HTMLElement[]): void {
  const old = [...body.children];
  for (const [index, row] of rows.entries()) {
    const made = element('tr', {}, ...cellsOf(row));
    const former = old[index];
    if (former === undefined) body.append(made);
    else if (former.firstElementChild?.textContent === made.firstElementChild?.textContent) renew(former, made);
    else former.replaceWith(made);
  }
  for (const former of old.slice(rows.length)) former.remove();
}

/** Takes over what is shown, but not what is the same. */
function renew(former: Element, made: Element): void {
  for (const [index, fresh] of [...made.children].entries()) {
    const shown = former.children[index];
    if (shown !== undefined && shown.textContent !== fresh.textContent) shown.replaceWith(fresh);
  }
}

function cell(text: string): HTMLElement {
  return element('td', {}, text);
}

function number(text: string): HTMLElement {
  return element('td', { class: 'number' }, text);
}

function button(text: string, label: string, order: () => void): HTMLElement {
  const made = element('button', { type: 'button', class: 'quiet', 'aria-label': label }, text);
  made.addEventListener('click', order);
  return made;
}

/** A figure in few characters; a dash for none. */
export function spell(value: number | undefined): string {
  if (value === undefined) return '–';
  if (value >= 10_000) return `${(value / 1_000).toFixed(value >= 100_000 ? 0 : 1)} k`;
  return value === 0 || value >= 10 ? String(Math.round(value)) : value.toFixed(1);
}

/** A length of time in few characters. @param seconds Not negative. */
export function spellTime(seconds: number): string {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}
