/** Programs that no npm package carries: as root on Debian they are installed, elsewhere a sentence says what is missing. */
import { execFile } from 'node:child_process';
import { userInfo } from 'node:os';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Where Debian puts servers; a user's PATH may lack it. */
export const searchPath = `${process.env['PATH'] ?? ''}:/usr/sbin`;

/**
 * @param program On the path, or in /usr/sbin.
 * @param debianPackage What to install.
 * @param words What the tests need, for the error.
 * @throws When it is missing and can't be installed.
 */
export async function requireProgram(program: string, debianPackage: string, words: string): Promise<void> {
  if (await isInstalled(program)) return;
  if (userInfo().uid === 0) {
    // Another test file may be doing the same.
    const install = `apt-get install -y -o DPkg::Lock::Timeout=300 ${debianPackage}`;
    // The list of packages may be old or missing.
    const command = `${install} || { apt-get update && ${install}; }`;
    await run('sh', ['-c', command], { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } }).catch(
      () => undefined,
    );
  }
  if (await isInstalled(program)) return;
  throw new Error(`these tests need ${words}: ${program} on PATH (Debian: apt-get install ${debianPackage})`);
}

function isInstalled(program: string): Promise<boolean> {
  return run(program, ['--version'], { env: { ...process.env, PATH: searchPath } }).then(
    () => true,
    () => false,
  );
}
