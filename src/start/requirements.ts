/** What the server needs of the machine and of Node, told in a sentence instead of a stack. */

/** What is known of the running Node. */
export interface Runtime {
  /** Such as `v22.1.0`. */
  readonly version: string;
  readonly platform: string;
  readonly arch: string;
  /** Of the C library, such as `2.36`; undefined where it is another one, as on Alpine. */
  readonly glibc: string | undefined;
  /** Why uWebSockets.js could not be loaded; undefined when it was, or was not tried. */
  readonly loadError: string | undefined;
}

/** Major versions of Node for which the installed uWebSockets.js has builds; package.json says the same in `engines`. */
export const supportedNodes: readonly number[] = [20, 22, 24, 25];

/** What `process.loadEnvFile` came with. */
const LEAST_MINOR_OF_20 = 12;
/** Of the builds for Node 22 and later. */
const NEWER_GLIBC = '2.38';

/**
 * @returns A sentence when the server can't run here; undefined when it can.
 */
export function refusalOf(runtime: Runtime): string | undefined {
  const { version, platform, arch, glibc, loadError } = runtime;
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  if (!supportedNodes.includes(major) || (major === 20 && minor < LEAST_MINOR_OF_20)) {
    return `Node.js ${version} can't run this server: use Node.js 22 or 24 (20.12 or newer works too).`;
  }
  if (platform !== 'linux' && platform !== 'darwin') {
    return `The server runs on Linux, and on macOS for development, not on ${platform}.`;
  }
  if (loadError === undefined) return undefined;
  if (platform === 'linux' && glibc === undefined) {
    return 'uWebSockets.js has no build for musl (Alpine): use a system with glibc, such as the image node:22-trixie-slim.';
  }
  if (/GLIBC_/.test(loadError) && glibc !== undefined) {
    return `uWebSockets.js needs glibc ${NEWER_GLIBC} or newer on Node.js ${version}, and this system has ${glibc}: use Debian 13, Ubuntu 24.04 or newer, or Node.js 20.`;
  }
  if (/Cannot find (module|package)/.test(loadError) && !loadError.includes('.node')) {
    return 'The packages of the server are not installed: run `npm ci`.';
  }
  return `uWebSockets.js can't be loaded on ${platform} ${arch} with Node.js ${version}: ${loadError}`;
}
