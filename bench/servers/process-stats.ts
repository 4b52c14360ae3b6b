/** What a process uses of the machine, from /proc. */
import { readdirSync, readFileSync } from 'node:fs';

/** CPU time that a process has used, in microseconds. */
export interface CpuTimes {
  /** The main thread: of a server, the acceptor. */
  readonly main: number;
  /** All other threads: shards with their storage, garbage collection, thread pool. */
  readonly others: number;
}

/** A thread's name in the kernel equals the process's id when it is the main one. */
export function cpuTimes(pid: number): CpuTimes {
  let main = 0;
  let others = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const used = cpuOfThread(pid, thread);
    if (Number(thread) === pid) main += used;
    else others += used;
  }
  return { main, others };
}

export function cpuSince(pid: number, before: CpuTimes): CpuTimes {
  const now = cpuTimes(pid);
  return { main: now.main - before.main, others: now.others - before.others };
}

/** CPU time of a process and of those that it started, in microseconds; those that have ended do not count. */
export function cpuOfTree(pid: number): number {
  const { main, others } = cpuTimes(pid);
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  const started = children === '' ? [] : children.split(' ').map(Number);
  return started.reduce((sum, child) => sum + cpuOfTree(child), main + others);
}

/** Resident memory of a process, in bytes. */
export function residentBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) * 1024;
}

/** Bytes that a process has caused to be written to disks, all of its life. */
export function writtenBytes(pid: number): number {
  return Number(/^write_bytes: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1]);
}

/** The scheduler's own count is in nanoseconds; a kernel without it counts in ticks of 10 ms. */
function cpuOfThread(pid: number, thread: string): number {
  const folder = `/proc/${pid}/task/${thread}`;
  try {
    const nanoseconds = Number(readFileSync(`${folder}/schedstat`, 'utf8').split(' ')[0]);
    if (nanoseconds > 0) return nanoseconds / 1_000;
    // The name stands in brackets and may hold spaces; user and system time are the 12th and 13th field after it.
    const stat = readFileSync(`${folder}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10_000;
  } catch {
    // The thread has ended since the folder was read.
    return 0;
  }
}
