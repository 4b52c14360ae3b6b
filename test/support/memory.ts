/** How much memory a process takes, as the kernel counts it. */
import { readFileSync } from 'node:fs';

/** Resident set size in bytes. */
export function residentBytes(pid: number): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  if (kibibytes === undefined) throw new Error(`process ${pid} has no memory any more`);
  return Number(kibibytes) * 1024;
}

/** Looks at a process again and again; `stop` answers with the most it took. */
export function watchMemory(pid: number): { stop: () => number } {
  let most = residentBytes(pid);
  const timer = setInterval(() => (most = Math.max(most, residentBytes(pid))), 20);
  return {
    stop: () => {
      clearInterval(timer);
      return Math.max(most, residentBytes(pid));
    },
  };
}
