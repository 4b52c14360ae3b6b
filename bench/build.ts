/** Builds of the server: the one that this bench belongs to, and those of other commits. */
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { packageFolder } from '../src/version.js';

/** A compiled server. */
export interface Build {
  /** `this`, or the git ref. */
  readonly name: string;
  /** Absolute path of its package. */
  readonly folder: string;
}

export const thisBuild: Build = { name: 'this', folder: packageFolder };

/** Absolute path of a compiled module. @param path Within `dist`, such as `src/main.js`. */
export function moduleOf(build: Build, path: string): string {
  return join(build.folder, 'dist', path);
}

/** Imports a module of a build. @throws When the build has none of that name. */
export async function importFrom<T>(build: Build, path: string): Promise<T> {
  return (await import(pathToFileURL(moduleOf(build, path)).href)) as T;
}

/** Imports the core that a build uses. */
export async function importCore(build: Build): Promise<typeof import('@synckit/core-wasm')> {
  return (await import(
    pathToFileURL(join(build.folder, 'src/core-wasm/dist/lib/index.js')).href
  )) as typeof import('@synckit/core-wasm');
}

/** Imports the reference implementation that lies beside the core of a build. */
export async function importReference(build: Build): Promise<typeof import('#core-wasm/reference')> {
  return (await import(
    pathToFileURL(join(build.folder, 'src/core-wasm/dist/reference/index.js')).href
  )) as typeof import('#core-wasm/reference');
}

/** Which commit a build is of, and whether files differ from it. */
export function commitOf(build: Build): string {
  try {
    return git(build.folder, 'describe', '--always', '--dirty');
  } catch {
    return 'unknown';
  }
}

/**
 * Builds another commit in a worktree of its own, with the packages of this one when both want the same.
 *
 * @returns The build, and what removes it again.
 * @throws When git does not know the ref, or it does not build.
 */
export function buildRef(ref: string): { build: Build; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'synckit-bench-'));
  const remove = (): void => {
    git(packageFolder, 'worktree', 'remove', '--force', folder);
  };
  git(packageFolder, 'worktree', 'add', '--detach', folder, ref);
  try {
    if (sameFile(folder, 'package-lock.json')) linkPackages(folder);
    else run(folder, 'npm', 'ci', '--prefer-offline', '--no-audit', '--no-fund');
    run(folder, 'npm', 'run', 'build');
  } catch (error) {
    remove();
    throw error;
  }
  return { build: { name: ref, folder }, remove };
}

function sameFile(folder: string, name: string): boolean {
  const [own, other] = [join(packageFolder, name), join(folder, name)];
  return existsSync(other) && readFileSync(own, 'utf8') === readFileSync(other, 'utf8');
}

/** Links every package but those of the repository itself, which are the worktree's own. */
function linkPackages(folder: string): void {
  const [from, to] = [join(packageFolder, 'node_modules'), join(folder, 'node_modules')];
  rmSync(to, { recursive: true, force: true });
  mkdirSync(join(to, '@synckit'), { recursive: true });
  for (const name of readdirSync(from)) if (name !== '@synckit') symlinkSync(join(from, name), join(to, name));
  for (const name of readdirSync(join(from, '@synckit'))) {
    const link = join(from, '@synckit', name);
    if (!lstatSync(link).isSymbolicLink()) symlinkSync(link, join(to, '@synckit', name));
  }
  symlinkSync(join(folder, 'src/core-wasm'), join(to, '@synckit/core-wasm'));
}

function git(folder: string, ...args: string[]): string {
  return execFileSync('git', ['-C', folder, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
}

function run(folder: string, command: string, ...args: string[]): void {
  execFileSync(command, args, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
}
