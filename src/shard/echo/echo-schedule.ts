import type { Origin } from '../../messages/task.js';

/** A session that may show something else than the server holds, and is to be sent the field unless that changes. */
export interface PendingEcho {
  /** Of the document, in the core. */
  readonly handle: number;
  readonly path: string;
  origin: Origin;
  /** The client id that it wrote with, if it named one. */
  clientId: string | undefined;
  /** When it was owed first, and when it is due; in ms since the epoch. */
  readonly since: number;
  due: number;
  /** Where it waits. */
  schedule: EchoSchedule;
}

/** The echoes that wait equally long for a pause of their writers, with one timer for all of them. */
export class EchoSchedule {
  /** In the order in which they are due. */
  readonly #pending = new Set<PendingEcho>();
  readonly #quietMs: number;
  readonly #send: (echoes: readonly PendingEcho[]) => void;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param quietMs How long a session must not have written a field before it is sent what the field holds.
   * @param send Sends what is due.
   */
  constructor(quietMs: number, send: (echoes: readonly PendingEcho[]) => void) {
    this.#quietMs = quietMs;
    this.#send = send;
  }

  /** Makes an echo due after a pause from now on. @param now Milliseconds since the epoch. */
  postpone(echo: PendingEcho, now: number): void {
    echo.schedule.cancel(echo);
    echo.schedule = this;
    echo.due = now + this.#quietMs;
    this.#pending.add(echo);
    // It keeps no process running that has nothing else to do.
    this.#timer ??= setTimeout(this.#sendDue, this.#quietMs).unref();
  }

  cancel(echo: PendingEcho): void {
    this.#pending.delete(echo);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#pending.clear();
  }

  readonly #sendDue = (): void => {
    this.#timer = undefined;
    const now = Date.now();
    const due: PendingEcho[] = [];
    for (const echo of this.#pending) {
      // A wall clock that was set back must not hold them up for long.
      if (echo.due > now && echo.due <= now + this.#quietMs) {
        this.#timer = setTimeout(this.#sendDue, echo.due - now).unref();
        break;
      }
      this.#pending.delete(echo);
      due.push(echo);
    }
    if (due.length > 0) this.#send(due);
  };
}

/** The echoes from one place on that go to the same session for the same document. */
export function sameFrom(echoes: readonly PendingEcho[], start: number): readonly PendingEcho[] {
  const first = echoes[start];
  let end = start + 1;
  while (echoes[end]?.handle === first?.handle && echoes[end]?.origin.session === first?.origin.session) end++;
  return echoes.slice(start, end);
}
