/** A process that leads a group of its own, and the end of everything that it started. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** How long the members of a group may take to end by themselves after SIGTERM. Milliseconds. */
const GRACE_MS = Number(process.env.TEST_GRACE_MS ?? 3_000);
const POLL_MS = 20;

export class ProcessGroup {
  /**
   * Marks the environment of all descendants: a daemon leaves its group, but keeps its environment. The name is unique,
   * not the value, so that a runner inside a test leaves the mark of the outer one in place.
   */
  #mark = `TEST_GROUP_${randomUUID().replaceAll('-', '')}`;
  /** The leader. */
  child;
  /** Resolves with the leader's exit code, or null when a signal ended it. */
  exit;
  #ending;

  /** As `spawn`, with Node as the command. */
  constructor(args, options) {
    const env = { ...options.env, [this.#mark]: '1' };
    this.child = spawn(process.execPath, args, { ...options, env, detached: true });
    // Not `close`: what the leader leaves behind may hold its output open.
    this.exit = once(this.child, 'exit').then(([code]) => code);
  }

  /** Ends all processes of the group that are left; resolves with their number when they are gone. */
  end() {
    return (this.#ending ??= this.#end());
  }

  async #end() {
    const found = this.#signal('SIGTERM');
    const deadline = Date.now() + GRACE_MS;
    while (this.#members().length > 0) {
      if (Date.now() > deadline) this.#signal('SIGKILL');
      await sleep(POLL_MS);
    }
    return found;
  }

  /** Returns how many processes the signal was sent to. */
  #signal(signal) {
    const members = this.#members();
    for (const pid of members) {
      try {
        process.kill(pid, signal);
      } catch (error) {
        // It has ended meanwhile.
        if (error.code !== 'ESRCH') throw error;
      }
    }
    return members.length;
  }

  #members() {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => pid !== process.pid && this.#isMember(pid));
  }

  #isMember(pid) {
    try {
      // `pid (name) state parent group …`; a name may hold anything.
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
      const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      // The dead wait for whoever started them.
      if (state === 'Z' || state === 'X') return false;
      if (Number(group) === this.child.pid) return true;
      return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`${this.#mark}=`);
    } catch {
      return false; // ended meanwhile, or somebody else's
    }
  }
}
