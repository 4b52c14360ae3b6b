/** Makes the disk fail for a running server: the kernel refuses to let its files grow. */
import { spawnSync } from 'node:child_process';

/** Why disks can't be made to fail here; false when they can. */
export const cannotFailDisks =
  spawnSync('prlimit', ['--version']).status === 0 ? false : 'needs prlimit (util-linux) to make writes fail';

/** From now on every write of the process beyond the first page of a file fails with EFBIG. */
export function breakDisk(pid: number): void {
  limitFiles(pid, '4096');
}

export function mendDisk(pid: number): void {
  limitFiles(pid, 'unlimited');
}

function limitFiles(pid: number, soft: string): void {
  const { status, stderr } = spawnSync('prlimit', ['--pid', String(pid), `--fsize=${soft}:unlimited`], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`prlimit: ${stderr}`);
}
